import { AccessUnit } from '../../../core/media/access-unit.ts';
import type { Publication, TrackWriter } from '../../../core/streams/publication.ts';
import type { Clock } from '../../../core/time/clock.ts';
import { type Micros, micros, seconds } from '../../../core/time/micros.ts';

/** A browser that stops a layer, for want of bandwidth or of processor, sends nothing of it. Pictures come more often than this. */
const silence = seconds(1);
const step = 1_000;

/**
 * The published track of a publisher with several layers: always the largest that comes in. It changes over at a key frame; viewers
 * of other protocols see a stream whose size changes.
 */
export class BestLayer {
  readonly #publication: Publication;
  readonly #clock: Clock;
  readonly #lastAt = new Map<string, Micros>();
  #current: string | undefined;
  #size = 0;
  #writer: TrackWriter | undefined;
  #lastDts = -Infinity;
  /** Added to the times of the current layer: its clock may be a little behind that of the one before. */
  #shift = 0;

  constructor(publication: Publication, clock: Clock) {
    this.#publication = publication;
    this.#clock = clock;
  }

  /** The layer that is published. */
  get current(): string | undefined {
    return this.#current;
  }

  take(rid: string, unit: AccessUnit): void {
    const now = this.#clock.now();
    this.#lastAt.set(rid, now);
    if (rid !== this.#current) {
      const gone = this.#current === undefined || now - (this.#lastAt.get(this.#current) ?? 0) > silence;
      const size = sizeOf(unit);
      if (!gone && size <= this.#size) return;
      if (!unit.keyframe) {
        this.#publication.stream.requestKeyframe();
        return;
      }
      this.#current = rid;
      this.#shift = Math.max(0, this.#lastDts + step - unit.dts);
    }
    if (unit.keyframe) this.#size = sizeOf(unit);
    this.#write(this.#shift === 0 ? unit : moved(unit, this.#shift));
  }

  #write(unit: AccessUnit): void {
    this.#lastDts = unit.dts;
    this.#writer ??= this.#publication.addTrack(unit.codec);
    this.#writer.write(unit);
  }
}

function sizeOf({ codec }: AccessUnit): number {
  return codec.kind === 'video' ? codec.width * codec.height : 0;
}

function moved(unit: AccessUnit, by: number): AccessUnit {
  const { codec, keyframe, parts, capturedAt } = unit;
  return new AccessUnit({ codec, keyframe, parts, capturedAt, pts: micros(unit.pts + by), dts: micros(unit.dts + by) });
}
