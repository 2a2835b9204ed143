import type { Clock } from './clock.ts';
import { fromTicks, type Micros, micros, seconds, ZERO } from './micros.ts';

export interface TimelineSettings {
  /** Stream time of the first unit: 0, or where an interrupted publication left off. */
  readonly startAt?: Micros;
  /** A source clock that departs from its own pace by more than this is anchored anew. */
  readonly jump?: Micros;
  /** As `jump`, backwards: squeezing so much into nothing would freeze the picture. */
  readonly backwardJump?: Micros;
  /** How fast offsets between tracks are corrected: seconds of correction for a second of media. */
  readonly slew?: number;
}

export interface TimelineDependencies {
  readonly clock: Clock;
  /** Hears of each new anchor, with the distance jumped. */
  readonly onDiscontinuity?: (track: string, jumped: Micros) => void;
}

/** A clock of the source, which one or more tracks count with. */
interface SourceClock {
  /** Added to source time gives stream time. */
  offset: number;
  /** What sender reports say the offset should be; `offset` is slewed towards it. */
  wanted: number | undefined;
  /** Added to source time gives Unix time, when the source told it. */
  wallOffset: number | undefined;
  anchored: boolean;
  lastSource: number;
  lastPlaced: number;
  lastArrival: number;
}

interface PlacedTrack {
  readonly clock: SourceClock;
  last: number;
}

/** Maps one publisher's source clocks to stream time. One a publication. */
export class Timeline {
  readonly #startAt: Micros;
  readonly #jump: Micros;
  readonly #backwardJump: Micros;
  readonly #slew: number;
  readonly #clock: Clock;
  readonly #onDiscontinuity: (track: string, jumped: Micros) => void;
  readonly #clocks = new Map<string, SourceClock>();
  readonly #tracks = new Map<string, PlacedTrack>();
  /** The clock that was anchored first; the others are fitted to it. */
  #reference: SourceClock | undefined;
  #firstArrival: Micros = ZERO;
  /** Unix time of stream time `startAt`, by our own clock. Taken once: later steps of the wall clock change nothing. */
  #wallStart: number | undefined;

  constructor(settings: TimelineSettings, dependencies: TimelineDependencies) {
    this.#startAt = settings.startAt ?? ZERO;
    this.#jump = settings.jump ?? seconds(10);
    this.#backwardJump = settings.backwardJump ?? seconds(1);
    this.#slew = settings.slew ?? 0.05;
    this.#clock = dependencies.clock;
    this.#onDiscontinuity = dependencies.onDiscontinuity ?? (() => undefined);
  }

  /** Tells that `track` counts with the clock named `clock`, as all tracks of an RTMP or MPEG-TS source do. */
  join(track: string, clock: string): void {
    if (!this.#tracks.has(track)) this.#tracks.set(track, { clock: this.#clockNamed(clock), last: -1 });
  }

  /**
   * Stream time of a unit's decoding. `ticks` is the unwrapped count of the source's clock, `arrival` our monotonic
   * time. The first unit is at `startAt`; within a track the result always rises.
   */
  place(track: string, ticks: number, clockRate: number, arrival: Micros): Micros {
    const placed = this.#trackNamed(track);
    const clock = placed.clock;
    const source = fromTicks(ticks, clockRate);
    if (!clock.anchored) this.#anchor(clock, source, arrival);
    this.#slewTowardsWanted(clock, source);
    let time = source + clock.offset;
    if (this.#hasJumped(clock, time, arrival)) {
      const gap = Math.max(1_000, arrival - clock.lastArrival);
      const continued = clock.lastPlaced + gap;
      this.#onDiscontinuity(track, micros(time - continued));
      clock.offset += continued - time;
      clock.wanted = undefined;
      clock.wallOffset = undefined;
      time = continued;
    }
    clock.lastSource = source;
    clock.lastPlaced = time;
    clock.lastArrival = arrival;
    placed.last = Math.max(Math.round(time), placed.last + 1, this.#startAt);
    return placed.last as Micros;
  }

  /** A sender report or container time: at `ticks` of the track's clock it was `wall` (Unix time in µs). */
  learn(track: string, ticks: number, clockRate: number, wall: Micros): void {
    const clock = this.#trackNamed(track).clock;
    clock.wallOffset = wall - fromTicks(ticks, clockRate);
    const reference = this.#reference;
    if (reference === undefined) return;
    for (const other of this.#clocks.values()) {
      if (other === reference || other.wallOffset === undefined || reference.wallOffset === undefined) continue;
      other.wanted = reference.offset + other.wallOffset - reference.wallOffset;
    }
  }

  /** Unix time at which the media of stream time `pts` was captured, or, when the source never told, arrived. */
  wallAt(pts: Micros): Micros {
    const reference = this.#reference;
    if (reference?.wallOffset !== undefined) return micros(pts - reference.offset + reference.wallOffset);
    const start = this.#wallStart ?? this.#clock.wallNow();
    return micros(start + (pts - this.#startAt));
  }

  #anchor(clock: SourceClock, source: number, arrival: Micros): void {
    clock.anchored = true;
    const reference = this.#reference;
    if (reference === undefined) {
      this.#reference = clock;
      this.#firstArrival = arrival;
      this.#wallStart = this.#clock.wallNow();
      clock.offset = this.#startAt - source;
    } else if (clock.wallOffset !== undefined && reference.wallOffset !== undefined) {
      clock.offset = reference.offset + clock.wallOffset - reference.wallOffset;
    } else {
      clock.offset = this.#startAt + (arrival - this.#firstArrival) - source;
    }
    clock.lastSource = source;
    clock.lastPlaced = source + clock.offset;
    clock.lastArrival = arrival;
  }

  #slewTowardsWanted(clock: SourceClock, source: number): void {
    if (clock.wanted === undefined) return;
    const most = Math.max(0, source - clock.lastSource) * this.#slew;
    const error = clock.wanted - clock.offset;
    clock.offset += Math.max(-most, Math.min(most, error));
  }

  /** A pause of the source is no jump: time then passed here as well. */
  #hasJumped(clock: SourceClock, time: number, arrival: Micros): boolean {
    const step = time - clock.lastPlaced;
    if (step + this.#backwardJump < 0) return true;
    return step > this.#jump && step - (arrival - clock.lastArrival) > this.#jump;
  }

  #trackNamed(track: string): PlacedTrack {
    const known = this.#tracks.get(track);
    if (known !== undefined) return known;
    const placed: PlacedTrack = { clock: this.#clockNamed(track), last: -1 };
    this.#tracks.set(track, placed);
    return placed;
  }

  #clockNamed(name: string): SourceClock {
    const known = this.#clocks.get(name);
    if (known !== undefined) return known;
    const clock: SourceClock = {
      offset: 0,
      wanted: undefined,
      wallOffset: undefined,
      anchored: false,
      lastSource: 0,
      lastPlaced: 0,
      lastArrival: 0,
    };
    this.#clocks.set(name, clock);
    return clock;
  }
}
