import { Buffer } from 'node:buffer';
import { Batches } from '../../core/streams/batches.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import type { OutgoingTrack } from './outgoing-track.ts';

/** What one medium's bytes depend on. */
export interface InterleavedLeg {
  readonly source: OutgoingTrack;
  readonly channel: number;
  readonly controlChannel: number;
}

/** What a viewer's bytes depend on; media that it has not set up are absent. */
export interface InterleavedPlace {
  readonly video: InterleavedLeg | undefined;
  readonly audio: InterleavedLeg | undefined;
}

/** RFC 2326 10.12: `$`, the channel, a length of two bytes. */
const frameHeader = 4;
const dollar = 0x24;

/** The bytes of units for viewers on interleaved connections; the same Buffer for all with the same channels. */
export class InterleavedBatches extends Batches<InterleavedPlace, Buffer> {
  constructor() {
    super({ same: samePlace, keep: (place) => ({ ...place }), make: makeBatch });
  }
}

function samePlace(kept: InterleavedPlace, place: InterleavedPlace): boolean {
  return sameLeg(kept.video, place.video) && sameLeg(kept.audio, place.audio);
}

function sameLeg(a: InterleavedLeg | undefined, b: InterleavedLeg | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.source === b.source && a.channel === b.channel && a.controlChannel === b.controlChannel;
}

function makeBatch(units: readonly QueuedUnit[], place: InterleavedPlace): Buffer {
  let length = 0;
  for (let index = 0; index < units.length; index += 1) length += measure(units[index] as QueuedUnit, place);
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (let index = 0; index < units.length; index += 1) at = writeUnit(bytes, at, units[index] as QueuedUnit, place);
  return bytes;
}

function legOf(queued: QueuedUnit, place: InterleavedPlace): InterleavedLeg | undefined {
  return queued.track.kind === 'video' ? place.video : place.audio;
}

function measure(queued: QueuedUnit, place: InterleavedPlace): number {
  const leg = legOf(queued, place);
  if (leg === undefined) return 0;
  const { packets, report } = leg.source.send(queued);
  let length = report === undefined ? 0 : frameHeader + report.length;
  for (let index = 0; index < packets.length; index += 1) length += frameHeader + (packets[index] as Buffer).length;
  return length;
}

function writeUnit(bytes: Buffer, from: number, queued: QueuedUnit, place: InterleavedPlace): number {
  const leg = legOf(queued, place);
  if (leg === undefined) return from;
  const { packets, report } = leg.source.send(queued);
  let at = report === undefined ? from : writeFrame(bytes, from, leg.controlChannel, report);
  for (let index = 0; index < packets.length; index += 1) {
    at = writeFrame(bytes, at, leg.channel, packets[index] as Buffer);
  }
  return at;
}

function writeFrame(bytes: Buffer, at: number, channel: number, packet: Buffer): number {
  bytes[at] = dollar;
  bytes[at + 1] = channel;
  bytes[at + 2] = packet.length >> 8;
  bytes[at + 3] = packet.length & 0xff;
  return at + frameHeader + packet.copy(bytes, at + frameHeader);
}

/** One packet in its frame. */
export function interleave(channel: number, packet: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeader + packet.length);
  writeFrame(bytes, 0, channel, packet);
  return bytes;
}
