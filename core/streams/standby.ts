import { noCredentials } from '../access/access-control.ts';
import { describeError, SwitchyardError } from '../errors.ts';
import type { EventBus } from '../events/bus.ts';
import { StreamInterrupted } from '../events/catalogue.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { AccessUnit } from '../media/access-unit.ts';
import type { Log } from '../observe/log.ts';
import type { Session } from '../sessions/session.ts';
import type { SessionRegistry } from '../sessions/session-registry.ts';
import type { Clock } from '../time/clock.ts';
import { type Micros, minus, plus } from '../time/micros.ts';
import { readInternally } from './internal-reader.ts';
import type { Publication, TrackWriter } from './publication.ts';
import type { StreamSource } from './requests.ts';
import type { Stream } from './stream.ts';
import type { StreamRegistry } from './stream-registry.ts';
import type { Track } from './track.ts';
import type { QueuedUnit } from './track-log.ts';

export interface StandbyDependencies {
  readonly streams: StreamRegistry;
  readonly sessions: SessionRegistry;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly scope: Scope;
  readonly log: Log;
}

/** The protocol name of a standby's session; its publications yield to anybody's. */
export const standbyProtocol = 'standby';

/** Lets another stream stand in while a stream has no publisher, and hands back when one comes. */
export class StandbySource implements StreamSource {
  readonly name = standbyProtocol;
  #standby: ReadonlyMap<string, string>;
  readonly #dependencies: StandbyDependencies;

  constructor(settings: { standby: ReadonlyMap<string, string> }, dependencies: StandbyDependencies) {
    this.#standby = settings.standby;
    this.#dependencies = dependencies;
    dependencies.events.on(StreamInterrupted, dependencies.scope, ({ stream }) => this.#takeOver(stream));
  }

  /** From now on other streams stand in for others. */
  adjust(settings: { standby: ReadonlyMap<string, string> }): void {
    this.#standby = settings.standby;
  }

  claims(streamName: string): boolean {
    return this.#standby.has(streamName);
  }

  async open(streamName: string, scope: Scope): Promise<void> {
    const standby = this.#standby.get(streamName);
    if (standby === undefined)
      throw new SwitchyardError('source-failed', { stream: streamName, why: 'it has no standby' });
    const { streams, sessions, clock } = this.#dependencies;
    const session = sessions.open({ protocol: standbyProtocol, remoteAddress: 'local', parent: scope });
    const stream = await streams.obtain(standby, session.scope);
    await stream.settling.wait(session.scope);
    const tracks = stream.tracks.filter((track) => track.id === track.kind);
    const publication = await streams.publish({
      name: streamName,
      session,
      credentials: noCredentials,
      onConflict: 'refuse',
      expects: tracks.map((track) => track.kind),
    });
    void relay({ from: stream, tracks, publication, session, clock }).then(() =>
      session.scope.close({ code: 'peer-left', detail: `the standby "${standby}" ended` }),
    );
  }

  #takeOver(stream: Stream): void {
    if (!this.#standby.has(stream.name)) return;
    const { log } = this.#dependencies;
    const scope = stream.scope.child('standby');
    this.open(stream.name, scope).catch((error: unknown) => {
      log.warn('A standby source could not take over.', { stream: stream.name, why: describeError(error) });
      void scope.close({ code: 'failed', error });
    });
  }
}

interface RelayPlan {
  readonly from: Stream;
  readonly tracks: readonly Track[];
  readonly publication: Publication;
  readonly session: Session;
  readonly clock: Clock;
}

/** Copies units from one stream to another, on the other's timeline. Ends when either does. */
async function relay(plan: RelayPlan): Promise<void> {
  const { from, tracks, publication, session, clock } = plan;
  const input = readInternally(from, { session, scope: publication.scope, tracks, start: 'cached' });
  const writers = new Map<Track, TrackWriter>();
  for (const track of tracks) {
    publication.timeline.join(track.id, 'standby');
    writers.set(track, publication.addTrack(track.codec));
  }
  for await (const queued of input) writers.get(queued.track)?.write(rebase(queued, publication, clock.now()));
}

function rebase(queued: QueuedUnit, publication: Publication, arrival: Micros): AccessUnit {
  const { unit, track } = queued;
  const dts = publication.timeline.place(track.id, unit.dts, 1_000_000, arrival);
  return new AccessUnit({ ...pick(unit), dts, pts: plus(dts, minus(unit.pts, unit.dts)) });
}

function pick(unit: AccessUnit): Pick<AccessUnit, 'codec' | 'keyframe' | 'parts' | 'capturedAt'> {
  const { codec, keyframe, parts, capturedAt } = unit;
  return { codec, keyframe, parts, capturedAt };
}
