import { Buffer } from 'node:buffer';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import * as core from '../../core/streams/batches.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import { addressMessage, configMessage, rtmpMessageForm, timestampOf, usualStreamId } from './message-form.ts';

/** What a player's bytes depend on. */
export interface Place {
  /** Which descriptors it has been told, by reference. */
  video: CodecDescriptor | undefined;
  audio: CodecDescriptor | undefined;
  /** Its message stream. */
  readonly streamId: number;
}

/** What one write holds. */
export interface Batch {
  readonly bytes: Buffer;
  /** The descriptors that a player knows after it. */
  readonly video: CodecDescriptor | undefined;
  readonly audio: CodecDescriptor | undefined;
}

/** The bytes for units, with sequence headers where the player doesn't know the codec yet; shared by those at one place. */
export class Batches extends core.Batches<Place, Batch> {
  constructor() {
    super({ same: samePlace, keep: (place) => ({ ...place }), make: makeBatch });
  }
}

function samePlace(kept: Place, place: Place): boolean {
  return kept.streamId === place.streamId && kept.video === place.video && kept.audio === place.audio;
}

function makeBatch(units: readonly QueuedUnit[], place: Place): Batch {
  let { video, audio } = place;
  const messages: Buffer[] = [];
  for (let index = 0; index < units.length; index += 1) {
    const { unit } = units[index] as QueuedUnit;
    const { codec } = unit;
    if (codec !== (codec.kind === 'video' ? video : audio)) {
      const config = configMessage(codec, timestampOf(unit));
      if (config !== undefined) messages.push(config);
      if (codec.kind === 'video') video = codec;
      else audio = codec;
    }
    messages.push(unit.as(rtmpMessageForm));
  }
  return { bytes: joinMessages(messages, place.streamId), video, audio };
}

function joinMessages(messages: readonly Buffer[], streamId: number): Buffer {
  const only = messages[0];
  if (messages.length === 1 && only !== undefined && streamId === usualStreamId) return only;
  // One copy that all players at this place share; and a copy is what may be addressed to another message stream.
  const bytes = Buffer.concat(messages);
  if (streamId === usualStreamId) return bytes;
  let at = 0;
  for (const message of messages) {
    addressMessage(bytes, at, streamId);
    at += message.length;
  }
  return bytes;
}
