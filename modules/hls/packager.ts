import type { Buffer } from 'node:buffer';
import type { TrackWish } from '../../core/streams/requests.ts';
import type { CutPart, MediaLayout } from './segmenter.ts';

/** Turns what the segmenter cut into bytes: one for each container. */
export interface Packager {
  /** Takes on another layout. Returns the init section, where the container has one. Throws WireError. */
  begin(layout: MediaLayout, discontinuity: boolean): Buffer | undefined;
  /** The bytes of a part, in pieces. Throws WireError. */
  pack(part: CutPart, firstOfSegment: boolean): Buffer[];
}

/** A form in which a stream is offered: what its playlist is called and what is in it. */
export interface Variant {
  readonly name: 'cmaf' | 'ts';
  readonly playlist: string;
  readonly wishes: readonly TrackWish[];
  /** Of segments. */
  readonly extension: string;
  readonly contentType: string;
  /** Whether parts are listed and waited for. */
  readonly lowLatency: boolean;
  packager(): Packager;
}
