import { Buffer } from 'node:buffer';
import type { RtpHeader } from '../../../wire/rtp/packet.ts';

export interface RtpVector {
  readonly name: string;
  /** Where the bytes come from. */
  readonly origin: string;
  readonly bytes: Buffer;
  readonly header: RtpHeader;
  readonly payload: Buffer;
}

const ffmpeg = 'captured from: ffmpeg 5.1.9 -f lavfi -i sine=1000:sample_rate=8000 -c:a pcm_mulaw -f rtp (pkt_size=60)';
/** 48 samples of G.711 µ-law: six periods of 1 kHz. */
const tone = Buffer.from('ffb8afb8ff382f38'.repeat(6), 'hex');

function captured(sequence: number, timestamp: number): RtpVector {
  const header = { marker: false, payloadType: 0, sequence, timestamp, ssrc: 0x3ddf7dc5 };
  const front = `8000${sequence.toString(16).padStart(4, '0')}${timestamp.toString(16).padStart(8, '0')}3ddf7dc5`;
  return {
    name: `PCMU packet ${sequence}`,
    origin: ffmpeg,
    bytes: Buffer.concat([Buffer.from(front, 'hex'), tone]),
    header,
    payload: tone,
  };
}

/** Each is read to `header` and `payload`, and the header is written back to the same bytes. */
export const rtpVectors: readonly RtpVector[] = [
  {
    name: 'PCMU packet, byte for byte',
    origin: ffmpeg,
    bytes: Buffer.from(
      '800002ef407cb3003ddf7dc5ffb8afb8ff382f38ffb8afb8ff382f38ffb8afb8ff382f38ffb8afb8ff382f38ffb8afb8ff382f38ffb8afb8ff382f38',
      'hex',
    ),
    header: { marker: false, payloadType: 0, sequence: 751, timestamp: 0x407cb300, ssrc: 0x3ddf7dc5 },
    payload: tone,
  },
  captured(752, 0x407cb330),
  captured(753, 0x407cb360),
  {
    name: 'marker, dynamic payload type, wrapped counters',
    origin: 'laid out by RFC 3550 5.1',
    bytes: Buffer.from('80e0fffffffffffffeedc0de01', 'hex'),
    header: { marker: true, payloadType: 96, sequence: 0xffff, timestamp: 0xffffffff, ssrc: 0xfeedc0de },
    payload: Buffer.from([1]),
  },
];
