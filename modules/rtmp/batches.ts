import { Buffer } from 'node:buffer';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import { addressMessage, configMessage, rtmpMessageForm, timestampOf, usualStreamId } from './message-form.ts';

/** Which descriptors a player has been told, by reference. */
export interface ToldCodecs {
  video: CodecDescriptor | undefined;
  audio: CodecDescriptor | undefined;
}

/** What one write holds. */
export interface Batch {
  readonly bytes: Buffer;
  /** The descriptors that a player knows after it. */
  readonly video: CodecDescriptor | undefined;
  readonly audio: CodecDescriptor | undefined;
}

interface Entry extends Batch {
  readonly units: readonly QueuedUnit[];
  readonly videoBefore: CodecDescriptor | undefined;
  readonly audioBefore: CodecDescriptor | undefined;
  readonly streamId: number;
}

/** Players beyond this many different places get a batch of their own, rather than a search that grows. */
const most = 8;

/**
 * The writes of one pulse. Players that stand at the same place get the very same bytes: one copy for a thousand writes
 * instead of a thousand writes of thirty pieces.
 */
export class Batches {
  #entries: Entry[] = [];
  /** For whoever gathers units; what was in it is gone with the next use. */
  readonly scratch: QueuedUnit[] = [];

  /** The bytes for `units`, with sequence headers where the player doesn't know the codec yet. `units` is not kept. */
  give(units: readonly QueuedUnit[], told: ToldCodecs, streamId: number): Batch {
    const found = this.#find(units, told, streamId);
    if (found !== undefined) return found;
    const made = makeBatch(units, told, streamId);
    if (this.#entries.length < most) {
      const { video: videoBefore, audio: audioBefore } = told;
      this.#entries.push({ ...made, units: units.slice(), videoBefore, audioBefore, streamId });
    }
    return made;
  }

  clear(): void {
    if (this.#entries.length > 0) this.#entries = [];
    this.scratch.length = 0;
  }

  #find(units: readonly QueuedUnit[], told: ToldCodecs, streamId: number): Entry | undefined {
    for (let index = 0; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index] as Entry;
      if (entry.streamId !== streamId || entry.videoBefore !== told.video || entry.audioBefore !== told.audio) continue;
      if (sameUnits(entry.units, units)) return entry;
    }
    return undefined;
  }
}

function sameUnits(a: readonly QueuedUnit[], b: readonly QueuedUnit[]): boolean {
  if (a.length !== b.length) return false;
  // From the end: places that differ usually do so there.
  for (let index = a.length - 1; index >= 0; index -= 1) if (a[index] !== b[index]) return false;
  return true;
}

function makeBatch(units: readonly QueuedUnit[], told: ToldCodecs, streamId: number): Batch {
  let { video, audio } = told;
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
  return { bytes: joinMessages(messages, streamId), video, audio };
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
