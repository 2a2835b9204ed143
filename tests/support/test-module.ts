import { type Infer, integer, section } from '../../core/config/schema.ts';
import type { Core } from '../../core/core.ts';
import type { Module, RunningModule } from '../../core/modules/module.ts';
import { type ServiceKey, service } from '../../core/modules/service.ts';

const config = section({ value: integer({ default: 0, about: 'Any number.' }) });
type Config = Infer<typeof config>;

export interface TestModuleOptions {
  readonly provides?: readonly string[];
  readonly requires?: readonly string[];
  readonly uses?: readonly string[];
  readonly optIn?: boolean;
  /** Called at each step; what it throws or returns is the step's outcome. */
  configure?(core: Core, value: number): void;
  start?(value: number): Promise<void> | void;
  stop?(deadline: AbortSignal): Promise<void> | void;
  reconfigure?(value: number): Promise<void> | void;
}

export const testService = (name: string): ServiceKey<string> => service<string>(name);

/** A module that writes down in `journal` what happens to it: `+name=3`, `~name=4`, `-name`. */
export function testModule(name: string, journal: string[], options: TestModuleOptions = {}): Module<Config> {
  const keys = (names: readonly string[] | undefined) => (names ?? []).map(testService);
  return {
    name,
    about: `The test module ${name}.`,
    config,
    provides: keys(options.provides),
    requires: keys(options.requires),
    uses: keys(options.uses),
    optIn: options.optIn ?? false,
    configure: (core, { value }) => {
      options.configure?.(core, value);
      for (const key of keys(options.requires)) core.services.get(key);
      for (const key of keys(options.provides)) core.services.provide(key, name);
      const running: RunningModule = {
        start: async () => {
          await options.start?.(value);
          journal.push(`+${name}=${value}`);
        },
        stop: async (deadline) => {
          journal.push(`-${name}`);
          await options.stop?.(deadline);
        },
        inspect: () => ({ value }),
        urls: [{ protocol: name, direction: 'play', url: `${name}://HOST/NAME` }],
      };
      if (options.reconfigure === undefined) return running;
      const change = async (changed: Config): Promise<void> => {
        await options.reconfigure?.(changed.value);
        journal.push(`~${name}=${changed.value}`);
      };
      return { ...running, reconfigure: change };
    },
  };
}
