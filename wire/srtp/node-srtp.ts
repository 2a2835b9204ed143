import { Buffer } from 'node:buffer';
import { makePacketCipher, type PacketCipher } from './ciphers.ts';
import {
  SrtpBatch,
  type SrtpProtector,
  type SrtpReceiver,
  SrtpRefusal,
  type SrtpRefusalName,
  type SrtpSender,
} from './contract.ts';
import { deriveSessionKeys, type SessionKeys, type SrtpKeys } from './keys.ts';
import { estimateIndex, mostRtcpPackets, mostRtpPackets, SourceWindows } from './packet-index.ts';
import { rtcpIndexLength, type SrtpProfile } from './profile.ts';

/** Sources that one context keeps in mind: a browser's tracks with their layers and RTX, and those that it had before. */
const mostSources = 256;
const rtcpHeaderLength = 8;

/** The protector on `node:crypto`, which works everywhere. */
export const nodeSrtp: SrtpProtector = {
  name: 'node:crypto',
  openSender: (keys) => new NodeSrtpSender(keys.profile, contextKeys(keys)),
  openReceiver: (keys) => new NodeSrtpReceiver(keys.profile, contextKeys(keys)),
  openBatch: (packets, bytes) => new SrtpBatch(packets, Buffer.alloc(bytes)),
  protect(batch: SrtpBatch): void {
    for (let index = 0; index < batch.count; index += 1) protectOne(batch, index);
  },
};

/** Protects one packet of a batch by itself. */
export function protectOne(batch: SrtpBatch, index: number): void {
  const sender = batch.senders[index];
  if (sender === undefined) return;
  const start = batch.starts[index] ?? 0;
  const length = batch.lengths[index] ?? 0;
  const bytes = batch.memory.subarray(start, start + length + sender.rtpOverhead);
  batch.lengths[index] = sender.protectRtp(bytes, length);
}

/** The session keys of one direction. */
export type ContextKeys = { readonly rtp: SessionKeys; readonly rtcp: SessionKeys };

export function contextKeys(keys: SrtpKeys): ContextKeys {
  return { rtp: deriveSessionKeys(keys, 'rtp'), rtcp: deriveSessionKeys(keys, 'rtcp') };
}

/** See `SrtpSender`. Made by `nodeSrtp.openSender`. */
export class NodeSrtpSender implements SrtpSender {
  readonly rtpOverhead: number;
  readonly rtcpOverhead: number;
  readonly #rtp: PacketCipher;
  readonly #rtcp: PacketCipher;
  readonly #rtpSources = new SourceWindows(mostSources);
  /** SRTCP's index counts the packets of the whole context: unique for each source too. */
  #rtcpIndex: number;

  constructor(profile: SrtpProfile, keys: ContextKeys, firstRtcpIndex = 0) {
    this.rtpOverhead = profile.rtpTagLength;
    this.rtcpOverhead = profile.rtcpTagLength + rtcpIndexLength;
    this.#rtp = makePacketCipher(profile, 'rtp', keys.rtp);
    this.#rtcp = makePacketCipher(profile, 'rtcp', keys.rtcp);
    this.#rtcpIndex = firstRtcpIndex;
  }

  protectRtp(bytes: Buffer, length: number): number {
    const clear = length > bytes.length ? -1 : rtpHeaderEnd(bytes, 0, length);
    if (clear < 0) return SrtpRefusal.malformed;
    if (length + this.rtpOverhead > bytes.length) return SrtpRefusal.noRoom;
    const index = this.admit(bytes, 0);
    if (index < 0) return index;
    this.#rtp.sealRtp(bytes, clear, length, index);
    return length + this.rtpOverhead;
  }

  /** Takes the number of the packet at `start` for used, and gives its index, or a refusal. */
  protected admit(bytes: Buffer, start: number): number {
    const ssrc = bytes.readUInt32BE(start + 8);
    const window = this.#rtpSources.find(ssrc) ?? this.#rtpSources.add(ssrc);
    if (window === undefined) return SrtpRefusal.tooManySources;
    const index = estimateIndex(window.highest, bytes.readUInt16BE(start + 2));
    if (!window.isFresh(index)) return SrtpRefusal.replayed;
    if (index >= mostRtpPackets) return SrtpRefusal.exhausted;
    window.accept(index);
    return index;
  }

  protectRtcp(bytes: Buffer, length: number): number {
    if (length < rtcpHeaderLength || length > bytes.length || !isVersion2(bytes, 0)) return SrtpRefusal.malformed;
    if (length + this.rtcpOverhead > bytes.length) return SrtpRefusal.noRoom;
    if (this.#rtcpIndex >= mostRtcpPackets) return SrtpRefusal.exhausted;
    this.#rtcp.sealRtcp(bytes, length, this.#rtcpIndex);
    this.#rtcpIndex += 1;
    return length + this.rtcpOverhead;
  }
}

const refusalNames = new Map<number, SrtpRefusalName>(
  Object.entries(SrtpRefusal).map(([name, code]) => [code, name as SrtpRefusalName]),
);

/** See `SrtpReceiver`. Made by `nodeSrtp.openReceiver`. */
export class NodeSrtpReceiver implements SrtpReceiver {
  readonly refused: Record<SrtpRefusalName, number> = {
    malformed: 0,
    replayed: 0,
    forged: 0,
    tooManySources: 0,
    exhausted: 0,
    noRoom: 0,
    unencrypted: 0,
  };
  readonly #rtpTagLength: number;
  readonly #rtcpTagLength: number;
  readonly #rtcpIndexFirst: boolean;
  readonly #rtp: PacketCipher;
  readonly #rtcp: PacketCipher;
  readonly #rtpSources = new SourceWindows(mostSources);
  readonly #rtcpSources = new SourceWindows(mostSources);

  constructor(profile: SrtpProfile, keys: ContextKeys) {
    this.#rtpTagLength = profile.rtpTagLength;
    this.#rtcpTagLength = profile.rtcpTagLength;
    this.#rtcpIndexFirst = !profile.aead;
    this.#rtp = makePacketCipher(profile, 'rtp', keys.rtp);
    this.#rtcp = makePacketCipher(profile, 'rtcp', keys.rtcp);
  }

  #refuse(code: number): number {
    const name = refusalNames.get(code);
    if (name !== undefined) this.refused[name] += 1;
    return code;
  }

  unprotectRtp(bytes: Buffer): number {
    const end = bytes.length - this.#rtpTagLength;
    const clear = rtpHeaderEnd(bytes, 0, end);
    if (clear < 0) return this.#refuse(SrtpRefusal.malformed);
    const ssrc = bytes.readUInt32BE(8);
    const known = this.#rtpSources.find(ssrc);
    if (known === undefined && this.#rtpSources.isFull) return this.#refuse(SrtpRefusal.tooManySources);
    const index = estimateIndex(known?.highest ?? -1, bytes.readUInt16BE(2));
    if (index < 0 || known?.isFresh(index) === false) return this.#refuse(SrtpRefusal.replayed);
    if (index >= mostRtpPackets) return this.#refuse(SrtpRefusal.exhausted);
    if (!this.#rtp.openRtp(bytes, clear, end, index)) return this.#refuse(SrtpRefusal.forged);
    // RFC 3711 3.3: only now may the packet change what we know about its source.
    (known ?? this.#rtpSources.add(ssrc))?.accept(index);
    return end;
  }

  unprotectRtcp(bytes: Buffer): number {
    const end = bytes.length - this.#rtcpTagLength - rtcpIndexLength;
    if (end < rtcpHeaderLength || !isVersion2(bytes, 0)) return this.#refuse(SrtpRefusal.malformed);
    const word = bytes.readUInt32BE(this.#rtcpIndexFirst ? end : end + this.#rtcpTagLength);
    if (word < 0x8000_0000) return this.#refuse(SrtpRefusal.unencrypted);
    const index = word - 0x8000_0000;
    const ssrc = bytes.readUInt32BE(4);
    const known = this.#rtcpSources.find(ssrc);
    if (known === undefined && this.#rtcpSources.isFull) return this.#refuse(SrtpRefusal.tooManySources);
    if (known?.isFresh(index) === false) return this.#refuse(SrtpRefusal.replayed);
    if (!this.#rtcp.openRtcp(bytes, end, index)) return this.#refuse(SrtpRefusal.forged);
    (known ?? this.#rtcpSources.add(ssrc))?.accept(index);
    return end;
  }
}

function isVersion2(bytes: Buffer, start: number): boolean {
  return (bytes[start] ?? 0) >> 6 === 2;
}

/** Where in the packet at `start` the header ends and encryption begins (RFC 3711 3.1); -1 when that is no RTP packet of `length` bytes. */
export function rtpHeaderEnd(bytes: Buffer, start: number, length: number): number {
  if (length < 12 || !isVersion2(bytes, start)) return -1;
  const first = bytes[start] ?? 0;
  const fixed = 12 + (first & 0x0f) * 4;
  if ((first & 0x10) === 0) return fixed > length ? -1 : fixed;
  if (fixed + 4 > length) return -1;
  const end = fixed + 4 + bytes.readUInt16BE(start + fixed + 2) * 4;
  return end > length ? -1 : end;
}
