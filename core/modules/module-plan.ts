import { SwitchyardError } from '../errors.ts';
import type { Module } from './module.ts';

/** A module with those that must stand before it. */
export interface PlannedModule {
  readonly module: Module;
  /** Names of the modules whose services it requires or uses. */
  readonly needs: readonly string[];
}

/**
 * The order in which modules are configured: providers first, else as listed.
 * Throws `module-requires`, `module-cycle`, or `module-failed` when two provide one service or share one name.
 */
export function planModules(modules: readonly Module[]): readonly PlannedModule[] {
  const providers = findProviders(modules);
  const needs = new Map(modules.map((module) => [module.name, needsOf(module, providers)]));
  const planned: PlannedModule[] = [];
  const state = new Map<string, 'open' | 'placed'>();
  const byName = new Map(modules.map((module) => [module.name, module]));
  const visit = (module: Module, path: readonly string[]): void => {
    if (state.get(module.name) === 'placed') return;
    if (state.get(module.name) === 'open') {
      const circle = [...path.slice(path.indexOf(module.name)), module.name].join(' > ');
      throw new SwitchyardError('module-cycle', { modules: circle });
    }
    state.set(module.name, 'open');
    const own = needs.get(module.name) ?? [];
    for (const name of own) {
      const provider = byName.get(name);
      if (provider !== undefined) visit(provider, [...path, module.name]);
    }
    state.set(module.name, 'placed');
    planned.push({ module, needs: own });
  };
  for (const module of modules) visit(module, []);
  return planned;
}

function findProviders(modules: readonly Module[]): ReadonlyMap<string, string> {
  const names = new Set<string>();
  const providers = new Map<string, string>();
  for (const module of modules) {
    if (names.has(module.name)) {
      throw new SwitchyardError('module-failed', { module: module.name, why: 'another module has the same name' });
    }
    names.add(module.name);
    for (const key of module.provides ?? []) {
      const other = providers.get(key.name);
      if (other !== undefined) {
        const why = `the service "${key.name}" is provided by "${other}" already`;
        throw new SwitchyardError('module-failed', { module: module.name, why });
      }
      providers.set(key.name, module.name);
    }
  }
  return providers;
}

function needsOf(module: Module, providers: ReadonlyMap<string, string>): readonly string[] {
  const names = new Set<string>();
  for (const key of module.requires ?? []) {
    const provider = providers.get(key.name);
    if (provider === undefined) {
      throw new SwitchyardError('module-requires', { module: module.name, service: key.name });
    }
    names.add(provider);
  }
  for (const key of module.uses ?? []) {
    const provider = providers.get(key.name);
    if (provider !== undefined) names.add(provider);
  }
  names.delete(module.name);
  return [...names];
}

/** `changed` and all that need one of them, directly or through others. */
export function withFollowers(plan: readonly PlannedModule[], changed: ReadonlySet<string>): Set<string> {
  const all = new Set(changed);
  // The plan stands in order of need, so one pass finds followers of followers.
  for (const { module, needs } of plan) if (needs.some((name) => all.has(name))) all.add(module.name);
  return all;
}
