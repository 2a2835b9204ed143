import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ModuleReference } from '../config/configuration.ts';
import { reading } from '../config/field.ts';
import { describeError, SwitchyardError } from '../errors.ts';
import type * as Sdk from '../sdk.ts';
import type { Module } from './module.ts';

/** What a third party's file exports as `module`: the module, or a function that makes it out of our building blocks. */
export type ModuleExport = Module | ((sdk: typeof Sdk) => Module);

/** Loads the modules that the configuration file names. `folder` is the file's. Throws `module-not-found`. */
export async function importModules(references: readonly ModuleReference[], folder: string): Promise<Module[]> {
  const modules: Module[] = [];
  for (const reference of references) modules.push(await importModule(reference, folder));
  return modules;
}

async function importModule(reference: ModuleReference, folder: string): Promise<Module> {
  const name = reference.path ?? reference.package ?? '';
  try {
    const url = reference.path === undefined ? findPackage(name, folder) : pathToFileURL(resolve(folder, name)).href;
    const exported = (await import(url)) as { module?: ModuleExport };
    const given = exported.module;
    const made = typeof given === 'function' ? given(await import('../sdk.ts')) : given;
    if (isModule(made)) return made;
  } catch (error) {
    throw new SwitchyardError('module-not-found', { module: name, why: describeError(error) }, { cause: error });
  }
  const why = 'it exports no "module" with name, about, config and configure';
  throw new SwitchyardError('module-not-found', { module: name, why });
}

/** A package beside the configuration file, else one beside the server. */
function findPackage(name: string, folder: string): string {
  try {
    return pathToFileURL(createRequire(resolve(folder, 'switchyard.yaml')).resolve(name)).href;
  } catch {
    // Not there, or for `import` alone: the server's own resolution decides.
    return name;
  }
}

function isModule(value: unknown): value is Module {
  if (typeof value !== 'object' || value === null) return false;
  const { name, about, config, configure } = value as Partial<Module>;
  return (
    typeof name === 'string' &&
    /^[a-z][a-z0-9-]*$/.test(name) &&
    typeof about === 'string' &&
    typeof configure === 'function' &&
    config?.[reading].fields !== undefined
  );
}
