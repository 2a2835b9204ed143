import { AccessControl, noCredentials } from '../../core/access/access-control.ts';
import { readField } from '../../core/config/composites.ts';
import type { Field } from '../../core/config/field.ts';
import { Place, type Problem } from '../../core/config/place.ts';
import { EventBus } from '../../core/events/bus.ts';
import { Scope } from '../../core/lifecycle/scope.ts';
import { anyCodec } from '../../core/media/codec-target.ts';
import { type Log, silentLog } from '../../core/observe/log.ts';
import type { Metrics } from '../../core/observe/metrics.ts';
import type { Session } from '../../core/sessions/session.ts';
import { SessionRegistry } from '../../core/sessions/session-registry.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { PublishRequest, SubscribeRequest } from '../../core/streams/requests.ts';
import { StreamRegistry } from '../../core/streams/stream-registry.ts';
import { streamsConfig } from '../../core/streams/stream-settings.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { Clock } from '../../core/time/clock.ts';
import { SystemClock } from '../../core/time/system-clock.ts';

/** Reads a section as the configuration does; throws with every problem. */
export function readSection<T>(schema: Field<T>, tree: unknown = {}): T {
  const problems: Problem[] = [];
  const surroundings = { folder: '/', environment: {}, readFile: () => '' };
  const config = readField(schema, tree, new Place([], surroundings, problems));
  if (problems.length > 0) throw new Error(problems.map((problem) => `${problem.path}: ${problem.what}`).join('\n'));
  return config as T;
}

const noMetrics: Metrics = {
  counter: () => undefined,
  gauge: () => undefined,
  histogram: () => () => undefined,
  text: async () => '',
};

export interface TestCoreOptions {
  readonly clock?: Clock;
  /** The `streams` section of the configuration file. */
  readonly streams?: unknown;
  readonly log?: Log;
}

/** The core without modules: what a unit test of a module hands to `configure`. */
export class TestCore {
  readonly clock: Clock;
  readonly scope: Scope;
  readonly events: EventBus;
  readonly observe: { log: Log; metrics: Metrics };
  readonly access = new AccessControl();
  readonly sessions: SessionRegistry;
  readonly streams: StreamRegistry;
  /** What cleanups and listeners threw; a test may look. */
  readonly failures: unknown[] = [];

  constructor(options: TestCoreOptions = {}) {
    this.clock = options.clock ?? new SystemClock();
    this.scope = Scope.root('test', (_scope, error) => this.failures.push(error));
    this.events = new EventBus((_name, error) => this.failures.push(error));
    this.observe = { log: options.log ?? silentLog, metrics: noMetrics };
    this.sessions = new SessionRegistry({ clock: this.clock, events: this.events });
    this.streams = new StreamRegistry(readSection(streamsConfig, options.streams), this);
  }

  openSession(protocol = 'test'): Session {
    return this.sessions.open({ protocol, remoteAddress: '127.0.0.1', parent: this.scope });
  }

  publish(name: string, request: Partial<PublishRequest> = {}): Promise<Publication> {
    return this.streams.publish({
      name,
      session: request.session ?? this.openSession(),
      credentials: noCredentials,
      onConflict: 'refuse',
      ...request,
    });
  }

  /** Takes any codec of both kinds. */
  subscribe(name: string, request: Partial<SubscribeRequest> = {}): Promise<Subscription> {
    return this.streams.subscribe({
      name,
      session: request.session ?? this.openSession(),
      credentials: noCredentials,
      wishes: [
        { kind: 'video', accepts: anyCodec('video') },
        { kind: 'audio', accepts: anyCodec('audio') },
      ],
      ...request,
    });
  }

  close(): Promise<void> {
    return this.scope.close({ code: 'shutdown' });
  }
}
