import { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecName } from '../../core/media/codecs/codec-descriptor.ts';
import type { Publication, TrackWriter } from '../../core/streams/publication.ts';
import { type Clock } from '../../core/time/clock.ts';
import { fromTicks, micros } from '../../core/time/micros.ts';
import { NutDecodeTimes } from '../../wire/nut/decode-times.ts';
import type { NutFrame, NutStream } from '../../wire/nut/nut.ts';
import { ResultUnits } from '../ffmpeg/result-units.ts';
import { fourccs } from '../ffmpeg/source-stream.ts';

/** Marks that files have besides those that we write. */
const otherMarks: Readonly<Record<string, CodecName>> = {
  AVC1: 'h264',
  X264: 'h264',
  HVC1: 'h265',
  HEV1: 'h265',
  H265: 'h265',
  VP08: 'vp8',
  VP09: 'vp9',
  MP4V: 'mpeg4',
  XVID: 'mpeg4',
  DIVX: 'mpeg4',
  DX50: 'mpeg4',
};

/** The codec of a stream of a file; undefined for one that the core does not know. */
export function codecOf({ fourcc }: NutStream): CodecName | undefined {
  const ours = Object.entries(fourccs).find(([, mark]) => mark.toUpperCase() === fourcc.toUpperCase());
  return (ours?.[0] as CodecName | undefined) ?? otherMarks[fourcc.toUpperCase()];
}

/** The usual distance of frames, µs, for a file that begins in the middle of a reordering. */
const usualStep = 40_000;

/** One stream of a file → a track. */
export class FileTrack {
  readonly #units: ResultUnits;
  readonly #kind: 'video' | 'audio';
  readonly #ticksPerSecond: number;
  readonly #times: NutDecodeTimes;
  readonly #publication: Publication;
  readonly #clock: Clock;
  #writer: TrackWriter | undefined;

  constructor(name: CodecName, stream: NutStream, dependencies: { publication: Publication; clock: Clock }) {
    this.#units = new ResultUnits(name, stream);
    this.#kind = stream.kind;
    this.#ticksPerSecond = stream.timeBase.denominator / stream.timeBase.numerator;
    this.#times = new NutDecodeTimes(stream.decodeDelay ?? 0, (usualStep * this.#ticksPerSecond) / 1e6);
    this.#publication = dependencies.publication;
    this.#clock = dependencies.clock;
    this.#publication.timeline.join(this.#kind, 'file');
  }

  /** Throws WireError and CodecError. */
  write(frame: NutFrame): void {
    const decoded = this.#times.next(frame.pts);
    const made = this.#units.make(frame, micros(0), undefined);
    if (made === undefined) return;
    const { codec, keyframe, parts } = made;
    const { timeline } = this.#publication;
    const dts = timeline.place(this.#kind, decoded, this.#ticksPerSecond, this.#clock.now());
    const pts = micros(Math.max(0, dts + fromTicks(frame.pts - decoded, this.#ticksPerSecond)));
    this.#writer ??= this.#publication.addTrack(codec);
    this.#writer.write(new AccessUnit({ codec, pts, dts, keyframe, parts }));
  }
}
