import { SwitchyardError } from '../errors.ts';
import { isMap, readField, refuseUnknown } from './composites.ts';
import { leavesOf } from './environment.ts';
import type { Field } from './field.ts';
import { type ConfigFile, overlayEnvironment, overlaySetting } from './layers.ts';
import { Place, type Problem, quote, type Surroundings } from './place.ts';
import { fileSchema, type SectionPlan } from './section-plan.ts';

/** Later layers win: defaults < file (or tree) < environment < settings. */
export interface ConfigSources {
  readonly file?: ConfigFile;
  /** What programs and tests give in place of a file. */
  readonly tree?: Readonly<Record<string, unknown>>;
  /** `module.key=value`, from the command line. */
  readonly settings?: readonly string[];
  readonly surroundings: Surroundings;
}

/** The sections of everything enabled, as the program reads them. */
export interface Configuration {
  readonly sections: ReadonlyMap<string, unknown>;
  /** Modules that are switched off. */
  readonly disabled: ReadonlySet<string>;
}

/** A third party's module, as the file names it. */
export interface ModuleReference {
  readonly path?: string;
  readonly package?: string;
}

/** The section of the file that lists third parties' modules. */
export const modulesSection = 'modules';

/** The third parties' modules; read before all else, since their schemas are needed for the rest. Throws `config-invalid`. */
export function readModuleReferences(sources: ConfigSources): readonly ModuleReference[] {
  const list: unknown = treeOf(sources)[modulesSection] ?? [];
  const problems: Problem[] = [];
  const top = new Place([modulesSection], sources.surroundings, problems);
  if (!Array.isArray(list)) {
    top.refuse(`${quote(list)} is not a list of { path: … } or { package: … }`);
    throw invalid(problems, sources, new Map());
  }
  const references = list.map((entry: unknown, index): ModuleReference => {
    const [[kind, target] = ['', undefined], ...more] = isMap(entry) ? Object.entries(entry) : [];
    if ((kind === 'path' || kind === 'package') && typeof target === 'string' && target !== '' && more.length === 0) {
      return { [kind]: target };
    }
    top.at(index).refuse(`${quote(entry)} is neither { path: … } nor { package: … }`);
    return {};
  });
  if (problems.length > 0) throw invalid(problems, sources, new Map());
  return references;
}

/** Reads all layers against all schemas. Throws one `config-invalid` with a line for every problem. */
export function readConfiguration(plans: readonly SectionPlan[], sources: ConfigSources): Configuration {
  const problems: Problem[] = [...(sources.file?.problems ?? [])];
  const tree = treeOf(sources);
  const schemas = new Map(plans.map((plan) => [plan.name, fileSchema(plan)]));
  const origins = overlayAll(tree, schemas, sources, problems);
  const sections = new Map<string, unknown>();
  const disabled = new Set<string>();
  const top = new Place([], sources.surroundings, problems);
  for (const key of Object.keys(tree)) {
    if (key !== modulesSection && !schemas.has(key)) refuseUnknown(key, [...schemas.keys(), modulesSection], top);
  }
  for (const plan of plans) {
    const raw = Object.hasOwn(tree, plan.name) ? tree[plan.name] : undefined;
    const schema = schemas.get(plan.name);
    if (schema === undefined) continue;
    const switched = plan.runs !== 'always' && typeof raw === 'boolean' ? { enabled: raw } : raw;
    const config = readField(schema, switched, top.at(plan.name));
    if (plan.runs === 'always') sections.set(plan.name, config);
    else {
      const { enabled, ...own } = isMap(config) ? config : { enabled: false };
      if (enabled === true) sections.set(plan.name, own);
      else disabled.add(plan.name);
    }
  }
  if (problems.length > 0) throw invalid(problems, sources, origins);
  return { sections, disabled };
}

/** A copy of the file's tree that the other layers may be laid over. */
function treeOf(sources: ConfigSources): Record<string, unknown> {
  return copyTree({ ...sources.file?.tree, ...sources.tree }) as Record<string, unknown>;
}

function copyTree(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyTree);
  if (!isMap(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyTree(inner)]));
}

function overlayAll(
  tree: Record<string, unknown>,
  schemas: ReadonlyMap<string, Field<unknown>>,
  sources: ConfigSources,
  problems: Problem[],
): Map<string, string> {
  const leaves = [...schemas].flatMap(([name, schema]) => [...leavesOf(schema, [name])]);
  const origins = overlayEnvironment(tree, leaves, sources.surroundings.environment);
  for (const setting of sources.settings ?? []) {
    const laid = overlaySetting(tree, setting, schemas);
    if ('what' in laid) problems.push(laid);
    else origins.set(laid.path, '--set');
  }
  return origins;
}

function invalid(
  problems: readonly Problem[],
  sources: ConfigSources,
  origins: ReadonlyMap<string, string>,
): SwitchyardError<'config-invalid'> {
  const lines = problems.map((problem) => {
    const origin = findOrigin(problem.path, origins) ?? originInFile(problem, sources.file);
    const where = problem.path === '' ? '' : `${problem.path}: `;
    return `  ${where}${problem.what}${origin === undefined ? '' : ` (${origin})`}`;
  });
  return new SwitchyardError('config-invalid', { problems: lines.join('\n') });
}

/** What set the value itself or something inside it. */
function findOrigin(path: string, origins: ReadonlyMap<string, string>): string | undefined {
  const exact = origins.get(path);
  if (exact !== undefined) return exact;
  return [...origins].find(([set]) => set.startsWith(`${path}.`))?.[1];
}

function originInFile(problem: Problem, file: ConfigFile | undefined): string | undefined {
  // Of the command line's form: no place in the file.
  if (file === undefined || (problem.keys.length === 0 && problem.path !== '')) return undefined;
  const line = file.findLine(problem.keys);
  return line === undefined ? file.path : `${file.path}:${line}`;
}
