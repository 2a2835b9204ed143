import { describeError, SwitchyardError } from '../errors.ts';
import { RenditionEnded, RenditionStarted } from '../events/catalogue.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { CodecTarget } from '../media/codec-target.ts';
import type { Session } from '../sessions/session.ts';
import { readInternally } from '../streams/internal-reader.ts';
import type { Stream } from '../streams/stream.ts';
import type { Subscription } from '../streams/subscription.ts';
import type { Track } from '../streams/track.ts';
import { afterIn, sleep } from '../time/clock.ts';
import { type Micros, toSeconds } from '../time/micros.ts';
import type { Transcoder } from './transcoder.ts';

export interface RenditionSettings {
  readonly id: string;
  readonly target: CodecTarget;
  readonly cores: number;
  readonly startTimeout: Micros;
  readonly restartDelay: Micros;
}

export interface RenditionDependencies {
  readonly stream: Stream;
  readonly source: Track;
  readonly transcoder: Transcoder;
  readonly session: Session;
  readonly scope: Scope;
}

/** A run that ends this soon, again and again, is a failure even when it says it is none. */
const shortestRun = 200_000;

/** One running, shared result of a transcoder: a track on the source's own stream and timeline. */
export class Rendition {
  readonly settings: RenditionSettings;
  readonly transcoder: Transcoder;
  readonly source: Track;
  readonly stream: Stream;
  readonly #scope: Scope;
  readonly #session: Session;
  #track: Track | undefined;
  #restarts = 0;

  constructor(settings: RenditionSettings, dependencies: RenditionDependencies) {
    this.settings = settings;
    this.stream = dependencies.stream;
    this.source = dependencies.source;
    this.transcoder = dependencies.transcoder;
    this.#session = dependencies.session;
    this.#scope = dependencies.scope;
  }

  get track(): Track | undefined {
    return this.#track;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Starts the transcoder; resolves with the track at its first unit. */
  start(): Promise<Track> {
    return new Promise((resolve, reject) => {
      const { startTimeout, target } = this.settings;
      const fail = (error: unknown): void => {
        reject(error instanceof Error ? error : new Error(String(error)));
        void this.#scope.close({ code: 'failed', detail: describeError(error), error });
      };
      const cancel = afterIn(this.#scope, this.stream.clock, startTimeout, () => {
        fail(new SwitchyardError('timed-out', { what: `Making ${target.codec}`, seconds: toSeconds(startTimeout) }));
      });
      this.#scope.defer((reason) => {
        reject(new SwitchyardError('closed', { what: 'The rendition', why: reason.detail ?? reason.code }));
        this.#endTrack();
      });
      const first = (unit: AccessUnit): void => {
        cancel();
        resolve(this.#openTrack(unit));
      };
      void this.#keepRunning(first)
        .finally(() => this.#finishTrack())
        .catch(fail);
    });
  }

  async #keepRunning(first: (unit: AccessUnit) => void): Promise<void> {
    const clock = this.stream.clock;
    let failures = 0;
    while (!this.#scope.closed && this.stream.endReason === undefined) {
      const began = clock.now();
      const run = this.#scope.child(`run of ${this.transcoder.name}`);
      try {
        await this.transcoder.run(
          this.#openInput(run),
          { write: (unit) => this.#write(unit, first) },
          this.settings.target,
          run,
        );
        if (clock.now() - began < shortestRun) failures += 1;
        else failures = 0;
      } catch (error) {
        failures += 1;
        if (this.#scope.closed) return;
        if (failures > 1)
          throw new SwitchyardError(
            'transcoder-failed',
            { transcoder: this.transcoder.name, why: describeError(error) },
            { cause: error },
          );
      } finally {
        await run.close({ code: 'done' });
      }
      if (this.#scope.closed || this.stream.endReason !== undefined) return;
      this.#restarts += 1;
      if (failures > 0) await sleep(this.#scope, clock, this.settings.restartDelay);
      if (failures > 3)
        throw new SwitchyardError('transcoder-failed', {
          transcoder: this.transcoder.name,
          why: 'it ends as soon as it starts',
        });
    }
  }

  #openInput(scope: Scope): Subscription {
    return readInternally(this.stream, { session: this.#session, scope, tracks: [this.source], start: 'cached' });
  }

  #write(unit: AccessUnit, first: (unit: AccessUnit) => void): void {
    if (this.#scope.closed) return;
    if (this.#track === undefined) first(unit);
    const track = this.#track;
    if (track === undefined) return;
    if (track.lastDts !== undefined && unit.dts <= track.lastDts) {
      track.counters.disordered += 1;
      return;
    }
    this.stream.append(track, unit);
  }

  #openTrack(unit: AccessUnit): Track {
    const track = this.stream.openTrack(this.settings.id, unit.codec);
    this.#track = track;
    track.finishing = true;
    this.stream.events.emit(RenditionStarted, { stream: this.stream, track, transcoder: this.transcoder.name });
    return track;
  }

  /** What the transcoder held back has come. */
  #finishTrack(): void {
    if (this.#track !== undefined) this.stream.finishTrack(this.#track);
  }

  #endTrack(): void {
    const track = this.#track;
    const reason = this.#scope.reason ?? { code: 'done' };
    if (track === undefined) return;
    this.stream.closeTrack(track);
    this.#finishTrack();
    this.stream.events.emit(RenditionEnded, { stream: this.stream, track, transcoder: this.transcoder.name, reason });
    if (reason.code === 'idle' || this.stream.endReason !== undefined) return;
    for (const subscription of [...this.stream.subscriptions]) {
      if (subscription.findPosition(track) === undefined) continue;
      void subscription.scope.close({ code: 'failed', detail: reason.detail ?? 'the transcoder ended' });
    }
  }
}
