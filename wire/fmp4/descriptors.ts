import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import type { BoxWriter } from './box-writer.ts';

// Descriptor tags, ISO/IEC 14496-1 7.2.2.1.
const ES_DESCRIPTOR = 3;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC = 5;
const SL_CONFIG = 6;

/** ISO/IEC 14496-1 7.2.6.6.2: 0x40 is ISO/IEC 14496-3 (AAC), 0x6B is ISO/IEC 11172-3 (MP3). */
export const OBJECT_TYPE_AAC = 0x40;
export const OBJECT_TYPE_MP3 = 0x6b;

/** ISO/IEC 14496-1 8.3.3: seven bits a byte; four bytes always, as most writers do and every reader takes. */
function writeDescriptor(out: BoxWriter, tag: number, length: number): void {
  out.u8(tag);
  out.u8(0x80 | ((length >> 21) & 0x7f));
  out.u8(0x80 | ((length >> 14) & 0x7f));
  out.u8(0x80 | ((length >> 7) & 0x7f));
  out.u8(length & 0x7f);
}

/** The `esds` box, ISO/IEC 14496-14 5.6.1. No DecoderSpecificInfo is written when `config` is empty (MP3). */
export function writeEsds(out: BoxWriter, objectType: number, config: Buffer, bitrate: number): void {
  const esds = out.beginFull('esds', 0, 0);
  const specific = config.length === 0 ? 0 : 5 + config.length;
  writeDescriptor(out, ES_DESCRIPTOR, 3 + 5 + 13 + specific + 5 + 1);
  out.u16(0); // ES_ID is 0 in files, ISO/IEC 14496-14 3.1.2
  out.u8(0); // no dependency, URL or OCR stream
  writeDescriptor(out, DECODER_CONFIG, 13 + specific);
  out.u8(objectType);
  out.u8(0x15); // audio stream (5), not upstream, reserved bit set
  out.zeros(3); // buffer size: unknown
  out.u32(bitrate);
  out.u32(bitrate);
  if (specific > 0) {
    writeDescriptor(out, DECODER_SPECIFIC, config.length);
    out.bytes(config);
  }
  writeDescriptor(out, SL_CONFIG, 1);
  out.u8(2); // predefined for MP4 files, ISO/IEC 14496-14 3.1.2
  out.end(esds);
}

/** What `esds` says of its stream. */
export interface ElementaryStream {
  readonly objectType: number;
  /** DecoderSpecificInfo; empty when there is none. */
  readonly config: Buffer;
  /** Average, bits a second; 0 when unknown. */
  readonly bitrate: number;
}

function readDescriptor(reader: ByteReader): { tag: number; body: ByteReader } {
  const tag = reader.u8();
  let length = 0;
  for (let byte = 0; ; byte++) {
    if (byte === 4) throw new WireError('malformed', 'fmp4', 'a descriptor length takes more than four bytes');
    const next = reader.u8();
    length = (length << 7) | (next & 0x7f);
    if ((next & 0x80) === 0) break;
  }
  return { tag, body: new ByteReader(reader.bytes(length), 'fmp4') };
}

/** Reads the body of `esds` behind its version and flags. Throws WireError. */
export function readEsds(body: Buffer): ElementaryStream {
  const { tag, body: stream } = readDescriptor(new ByteReader(body, 'fmp4'));
  if (tag !== ES_DESCRIPTOR) throw new WireError('malformed', 'fmp4', 'esds holds no ES descriptor');
  stream.skip(2);
  const flags = stream.u8();
  if ((flags & 0x80) !== 0) stream.skip(2); // dependsOn_ES_ID
  if ((flags & 0x40) !== 0) stream.skip(stream.u8()); // URL
  if ((flags & 0x20) !== 0) stream.skip(2); // OCR_ES_Id
  while (stream.remaining > 0) {
    const inner = readDescriptor(stream);
    if (inner.tag === DECODER_CONFIG) return readDecoderConfig(inner.body);
  }
  throw new WireError('malformed', 'fmp4', 'esds holds no decoder configuration');
}

function readDecoderConfig(reader: ByteReader): ElementaryStream {
  const objectType = reader.u8();
  reader.skip(1 + 3 + 4);
  const bitrate = reader.u32();
  while (reader.remaining > 0) {
    const { tag, body } = readDescriptor(reader);
    if (tag === DECODER_SPECIFIC) return { objectType, config: body.rest(), bitrate };
  }
  return { objectType, config: Buffer.alloc(0), bitrate };
}
