import { Buffer } from 'node:buffer';
import { annexBStartCode } from '../codec-records/nal.ts';
import { WireError } from '../errors.ts';

/** access_unit_delimiter with its start code; primary_pic_type and pic_type "any". */
const H264_DELIMITER = Buffer.of(0, 0, 0, 1, 0x09, 0xf0);
const H265_DELIMITER = Buffer.of(0, 0, 0, 1, 0x46, 0x01, 0x50);

/**
 * The PES payload of a video access unit, in pieces: byte stream format with the access unit delimiter that a transport
 * stream must have (ISO/IEC 13818-1 2.14.1, 2.17.1). `parameterSets` go before the unit's own NAL units unless those
 * begin with parameter sets already; give them with keyframes. NAL units are not copied.
 */
export function annexBPayload(
  codec: 'h264' | 'h265',
  nalUnits: readonly Buffer[],
  parameterSets: readonly Buffer[] = [],
): Buffer[] {
  const pieces: Buffer[] = [codec === 'h264' ? H264_DELIMITER : H265_DELIMITER];
  if (!nalUnits.some((unit) => isParameterSet(codec, unit))) {
    for (const set of parameterSets) pieces.push(annexBStartCode, set);
  }
  for (const unit of nalUnits) if (!isDelimiter(codec, unit)) pieces.push(annexBStartCode, unit);
  return pieces;
}

function isDelimiter(codec: 'h264' | 'h265', unit: Buffer): boolean {
  const header = unit[0] ?? 0;
  return codec === 'h264' ? (header & 0x1f) === 9 : header >> 1 === 35;
}

/** A sequence parameter set: where it is, the picture's come with it. */
function isParameterSet(codec: 'h264' | 'h265', unit: Buffer): boolean {
  const header = unit[0] ?? 0;
  return codec === 'h264' ? (header & 0x1f) === 7 : header >> 1 === 33;
}

const OPUS_PREFIX = 0x7fe0;

/** The opus_control_header to send before an Opus packet of this size (Opus Transport Multiplexing, table 5-1), without trims. */
export function opusControlHeader(packetBytes: number): Buffer {
  const runs = Math.floor(packetBytes / 255);
  const header = Buffer.alloc(3 + runs, 0xff);
  header.writeUInt16BE(OPUS_PREFIX, 0);
  header[2 + runs] = packetBytes % 255;
  return header;
}

/** Opus packets of a PES payload, as views, with the samples at 48 kHz to drop from start and end. Throws `WireError`. */
export function splitOpusPayload(
  payload: Buffer,
): { readonly packet: Buffer; readonly startTrim: number; readonly endTrim: number }[] {
  const packets: { packet: Buffer; startTrim: number; endTrim: number }[] = [];
  let at = 0;
  const byte = (): number => {
    const value = payload[at];
    if (value === undefined) throw new WireError('truncated', 'mpegts', 'an Opus access unit ends too early');
    at++;
    return value;
  };
  while (at < payload.length) {
    const header = (byte() << 8) | byte();
    if ((header & 0xffe0) !== OPUS_PREFIX) throw new WireError('malformed', 'mpegts', 'no opus_control_header');
    let size = 0;
    let run: number;
    do {
      run = byte();
      size += run;
    } while (run === 255);
    const startTrim = (header & 0x10) !== 0 ? ((byte() << 8) | byte()) & 0x1fff : 0;
    const endTrim = (header & 0x08) !== 0 ? ((byte() << 8) | byte()) & 0x1fff : 0;
    if ((header & 0x04) !== 0) at += byte(); // control_extension
    if (size === 0 || size > payload.length - at)
      throw new WireError('truncated', 'mpegts', `an Opus packet of ${size} bytes`);
    packets.push({ packet: payload.subarray(at, at + size), startTrim, endTrim });
    at += size;
  }
  return packets;
}
