import type { CloseReason } from '../lifecycle/close-reason.ts';
import type { AdvertisedUrl } from './module.ts';
import type { ModuleInspection } from './module-loader.ts';
import { service } from './service.ts';

export interface ServerInspection {
  readonly uptimeSeconds: number;
  readonly openScopes: number;
  readonly sessions: number;
  readonly streams: number;
  readonly modules: readonly ModuleInspection[];
  /** Modules that are switched off. */
  readonly disabled: readonly string[];
}

/** The server as its console, statistics and pages see it. The server provides it itself: no module needs to require it. */
export interface ServerControl {
  /** What people can open; `HOST` and `NAME` stand as such. */
  urls(): readonly AdvertisedUrl[];
  inspect(): ServerInspection;
  /** Drains, then cuts. */
  stop(reason?: CloseReason): Promise<void>;
}

export const ServerControl = service<ServerControl>('server-control');
