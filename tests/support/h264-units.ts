import { createHash } from 'node:crypto';

/** A picture as it went over a wire: its RTP time, and the md5 of its NAL units but for parameter sets and delimiters. */
export interface RecordedUnit {
  /** Ticks of 90 kHz as in the packets, wrapping. */
  readonly timestamp: number;
  readonly md5: string;
  readonly isKeyframe: boolean;
}

const type = { idr: 5, sps: 7, pps: 8, delimiter: 9, aggregate: 24, fragment: 28 } as const;

function typeOf(nal: Buffer): number {
  return (nal[0] ?? 0) & 0x1f;
}

/** Those that every wire has its own place for. */
function isMedia(nal: Buffer): boolean {
  return typeOf(nal) < type.sps || typeOf(nal) > type.delimiter;
}

function md5Of(nals: readonly Buffer[]): string {
  const hash = createHash('md5');
  for (const nal of nals.filter(isMedia)) hash.update(Buffer.of(0, 0, 1)).update(nal);
  return hash.digest('hex');
}

/** Pictures of a byte stream (ISO/IEC 14496-10 annex B) with one slice each. */
export function md5OfPictures(stream: Buffer): string[] {
  const nals: Buffer[] = [];
  let from = stream.indexOf('000001', 0, 'hex') + 3;
  while (from > 2) {
    const next = stream.indexOf('000001', from, 'hex');
    let end = next < 0 ? stream.length : next;
    while (end > from && stream[end - 1] === 0) end -= 1;
    nals.push(stream.subarray(from, end));
    from = next < 0 ? 0 : next + 3;
  }
  const sums: string[] = [];
  let unit: Buffer[] = [];
  for (const nal of nals) {
    unit.push(nal);
    if (typeOf(nal) > type.idr) continue;
    sums.push(md5Of(unit));
    unit = [];
  }
  return sums;
}

interface Packet {
  readonly sequence: number;
  readonly timestamp: number;
  readonly payload: Buffer;
}

/**
 * Keeps the packets of one H.264 source and makes pictures of them (RFC 6184), by a reading of its own: it shares no line with the
 * readers under test. Doubles are dropped, and late ones come to their place.
 */
export class H264Recorder {
  readonly #packets = new Map<number, Packet>();
  #newest: number | undefined;

  take(sequence: number, timestamp: number, payload: Buffer): void {
    this.#newest ??= sequence;
    const near = this.#newest + (((sequence - this.#newest) << 16) >> 16);
    this.#newest = Math.max(this.#newest, near);
    if (!this.#packets.has(near)) this.#packets.set(near, { sequence: near, timestamp, payload: Buffer.from(payload) });
  }

  get packets(): number {
    return this.#packets.size;
  }

  /** Packets that never came between the first and the last. */
  get missing(): number {
    const numbers = [...this.#packets.keys()];
    return numbers.length === 0 ? 0 : Math.max(...numbers) - Math.min(...numbers) + 1 - numbers.length;
  }

  units(): RecordedUnit[] {
    const ordered = [...this.#packets.values()].sort((a, b) => a.sequence - b.sequence);
    const pictures = new Map<number, Packet[]>();
    for (const packet of ordered) {
      const picture = pictures.get(packet.timestamp);
      if (picture === undefined) pictures.set(packet.timestamp, [packet]);
      else picture.push(packet);
    }
    return [...pictures].map(([timestamp, packets]) => {
      const nals = nalsOf(packets);
      return { timestamp, md5: md5Of(nals), isKeyframe: nals.some((nal) => typeOf(nal) === type.idr) };
    });
  }
}

/** NAL units of the packets of one picture. A gap shows as a broken one. */
function nalsOf(packets: readonly Packet[]): Buffer[] {
  const nals: Buffer[] = [];
  for (const { payload } of packets) {
    if (payload.length === 0) continue; // padding
    if (typeOf(payload) === type.aggregate) nals.push(...unpack(payload));
    else if (typeOf(payload) === type.fragment) addFragment(nals, payload);
    else nals.push(payload);
  }
  return nals;
}

/** RFC 6184 5.7.1. */
function* unpack(payload: Buffer): Iterable<Buffer> {
  for (let at = 1; at + 2 <= payload.length; ) {
    const length = payload.readUInt16BE(at);
    yield payload.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
}

/** RFC 6184 5.8. */
function addFragment(nals: Buffer[], payload: Buffer): void {
  const header = payload[1] ?? 0;
  const isFirst = (header & 0x80) !== 0;
  if (isFirst) nals.push(Buffer.of(((payload[0] ?? 0) & 0xe0) | (header & 0x1f)));
  nals.push(Buffer.concat([nals.pop() ?? Buffer.alloc(0), payload.subarray(2)]));
}
