import { Buffer } from 'node:buffer';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import * as core from '../../core/streams/batches.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import type * as pacer from '../../core/streams/write-pacer.ts';
import { audioConfigBytes, mediaForm } from './media-form.ts';

/** What a player's bytes depend on: the sound that it has been told of, by reference. Pictures carry their own. */
export interface Place {
  audio: CodecDescriptor | undefined;
}

export interface Batch {
  readonly bytes: Buffer;
  readonly audio: CodecDescriptor | undefined;
}

/** The bytes for units, shared by the players at one place. */
export class Batches extends core.Batches<Place, Batch> {
  constructor() {
    super({
      same: (kept, place) => kept.audio === place.audio,
      keep: (place) => ({ ...place }),
      make: makeBatch,
    });
  }
}

/** Players over WebSocket share batches of media. */
export type WritePacer = pacer.WritePacer<Batches>;
export type Viewer = pacer.Viewer<Batches>;

function makeBatch(units: readonly QueuedUnit[], place: Place): Batch {
  let { audio } = place;
  const pieces: Buffer[] = [];
  for (let index = 0; index < units.length; index += 1) {
    const { unit } = units[index] as QueuedUnit;
    if (unit.codec.kind === 'audio' && unit.codec !== audio) {
      const config = audioConfigBytes(unit.codec, unit);
      if (config !== undefined) pieces.push(config);
      audio = unit.codec;
    }
    pieces.push(unit.as(mediaForm));
  }
  const only = pieces[0];
  // One copy that all players at this place share.
  const bytes = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  return { bytes, audio };
}
