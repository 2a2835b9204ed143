import type { AccessControl } from './access/access-control.ts';
import type { EventBus } from './events/bus.ts';
import type { Scope } from './lifecycle/scope.ts';
import type { Services } from './modules/service.ts';
import type { Observe } from './observe/observe.ts';
import type { SessionRegistry } from './sessions/session-registry.ts';
import type { StreamRegistry } from './streams/stream-registry.ts';
import type { Clock } from './time/clock.ts';

/** All that a module gets. `scope` and `observe.log` are the module's own; the rest is the server's. */
export interface Core {
  readonly clock: Clock;
  readonly scope: Scope;
  readonly events: EventBus;
  readonly observe: Observe;
  readonly access: AccessControl;
  readonly sessions: SessionRegistry;
  readonly streams: StreamRegistry;
  readonly services: Services;
}
