import type { Schema } from '../config/schema.ts';
import type { Core } from '../core.ts';
import type { ServiceKey } from './service.ts';

/** A protocol or facility plugged into the core. */
export interface Module<Config = unknown> {
  /** Its section's name in the configuration file; kebab-case. */
  readonly name: string;
  /** One sentence, shown in the default file and the reference. */
  readonly about: string;
  readonly config: Schema<Config>;
  /** Left in `core.services` by `configure`. */
  readonly provides?: readonly ServiceKey<unknown>[];
  /** Must be provided by an enabled module. Those are configured and started before this one, and it restarts with them. */
  readonly requires?: readonly ServiceKey<unknown>[];
  /** As `requires`, but only where an enabled module provides it: look it up with `core.services.find`. */
  readonly uses?: readonly ServiceKey<unknown>[];
  /** Off until the configuration says `enabled: true`. */
  readonly optIn?: boolean;
  /**
   * Pure wiring: no sockets, no timers. `core.scope` is the module's own, `core.observe.log` is tagged with its name.
   * All enabled modules are configured before the first is started.
   */
  configure(core: Core, config: Config): RunningModule;
}

export interface RunningModule {
  /** Resolves once clients are accepted. */
  start(): Promise<void>;
  /** Accepts nobody new, drains, then cuts when `deadline` is aborted. The loader closes the module's scope afterwards. */
  stop(deadline: AbortSignal): Promise<void>;
  /** Absent, or rejecting: the loader restarts just this module when its section has changed. */
  reconfigure?(config: never): Promise<void>;
  /** For the inspection tree, the console and `/?action=stat`: plain values, cheap to make. */
  inspect?(): Record<string, unknown>;
  /** What people can be told to open: `rtmp://HOST:1935/live/NAME`. `HOST` and `NAME` stand as such. */
  readonly urls?: readonly AdvertisedUrl[];
}

export interface AdvertisedUrl {
  readonly protocol: string;
  readonly direction: 'publish' | 'play' | 'open';
  readonly url: string;
}
