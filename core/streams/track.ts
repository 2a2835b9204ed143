import type { CodecDescriptor } from '../media/codecs/codec-descriptor.ts';
import type { Micros } from '../time/micros.ts';
import { TrackLog } from './track-log.ts';

export type MediaKind = 'video' | 'audio';

export interface TrackCounters {
  units: number;
  bytes: number;
  keyframes: number;
  /** Units that came before the first keyframe of a publication and could not be decoded. */
  beforeKeyframe: number;
  /** Units whose decoding time did not rise. */
  disordered: number;
}

/** One elementary medium of a stream, published or rendered. */
export class Track {
  /** Unique in the stream: `video`, `audio`, `audio~opus`. */
  readonly id: string;
  readonly kind: MediaKind;
  readonly log = new TrackLog();
  readonly counters: TrackCounters = { units: 0, bytes: 0, keyframes: 0, beforeKeyframe: 0, disordered: 0 };
  #codec: CodecDescriptor;
  lastDts: Micros | undefined;
  /** Whether more may come after the stream has ended: a transcoder still gives what it held back. */
  finishing = false;

  constructor(id: string, codec: CodecDescriptor) {
    this.id = id;
    this.kind = codec.kind;
    this.#codec = codec;
  }

  /** What units written now are coded in. Units in the log may still have the one before. */
  get codec(): CodecDescriptor {
    return this.#codec;
  }

  adopt(codec: CodecDescriptor): void {
    this.#codec = codec;
  }
}
