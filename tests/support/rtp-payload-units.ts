import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { packetizeAac } from '../../wire/rtp/payload/aac-packetizer.ts';
import { packetizeAv1 } from '../../wire/rtp/payload/av1-packetizer.ts';
import { packetizeMpegAudio } from '../../wire/rtp/payload/mpeg-audio.ts';
import { readMpegAudioFrame } from '../../wire/rtp/payload/mpeg-audio-frame.ts';
import { packetizeMpeg4Video } from '../../wire/rtp/payload/mpeg4-video.ts';
import { packetizeH264, packetizeH265 } from '../../wire/rtp/payload/nal-packetizer.ts';
import { packetizeBlocks } from '../../wire/rtp/payload/plain.ts';
import { packetizeVp8 } from '../../wire/rtp/payload/vp8.ts';
import { packetizeVp9 } from '../../wire/rtp/payload/vp9.ts';

/** A format both ways: units to make, and how they go out. */
export interface PayloadRow {
  readonly format: string;
  readonly unit: fc.Arbitrary<readonly Buffer[]>;
  readonly packetize: (unit: readonly Buffer[], most: number) => readonly Buffer[];
}

function bytes(minLength: number, maxLength: number): fc.Arbitrary<Buffer> {
  // Long ones are mostly of one value: what is in them does not matter to a packetizer.
  return fc
    .tuple(fc.integer({ min: minLength, max: maxLength }), fc.nat(255), fc.uint8Array({ maxLength: 20 }))
    .map(([length, fill, head]) => {
      const out = Buffer.alloc(length, fill);
      out.set(head.subarray(0, length));
      return out;
    });
}

/** Slices, of which only the first says that it is the first. `flagAt`: where its highest bit says so. */
function slices(header: readonly number[], flagAt: number): fc.Arbitrary<readonly Buffer[]> {
  return fc.array(bytes(flagAt + 1, 4_000), { minLength: 1, maxLength: 4 }).map((nals) =>
    nals.map((nal, index) => {
      nal.set(header);
      nal[flagAt] = index === 0 ? (nal[flagAt] ?? 0) | 0x80 : (nal[flagAt] ?? 0) & 0x7f;
      return nal;
    }),
  );
}

/** A sequence header, and others without size field; some of a layer. */
const obus = fc
  .array(fc.tuple(bytes(2, 3_000), fc.constantFrom(0x30, 0x34, 0x18, 0x20, 0x28)), { minLength: 1, maxLength: 6 })
  .map((list) => [
    Buffer.of(0x08, 0, 0, 0, 1),
    ...list.map(([obu, header]) => {
      obu[0] = header;
      return obu;
    }),
  ]);

/** A picture of MPEG-4 part 2: start codes stand at its beginning alone. */
const vop = bytes(4, 4_000).map((frame) => {
  for (let at = 0; at < frame.length; at += 1) frame[at] = (frame[at] ?? 0) | 0x40;
  frame.set([0, 0, 1, 0xb6]);
  return frame;
});

/** A frame of layer II or III of any size that its header can tell. */
export const mpegAudioFrame = fc
  .tuple(
    fc.constantFrom(0xfd, 0xfb, 0xfa, 0xf3, 0xe3),
    fc.integer({ min: 1, max: 14 }),
    fc.integer({ min: 0, max: 2 }),
    fc.nat(255),
    fc.nat(255),
  )
  .map(([second, bitrate, rate, last, fill]) => {
    const header = Buffer.of(0xff, second, (bitrate << 4) | (rate << 2), last);
    const frame = Buffer.alloc(readMpegAudioFrame(header, 0).length, fill);
    header.copy(frame);
    return frame;
  });

function first(unit: readonly Buffer[]): Buffer {
  return unit[0] as Buffer;
}

function single(part: fc.Arbitrary<Buffer>): fc.Arbitrary<readonly Buffer[]> {
  return part.map((one) => [one]);
}

export const payloadRows: readonly PayloadRow[] = [
  { format: 'h264', unit: slices([0x65], 1), packetize: packetizeH264 },
  { format: 'h265', unit: slices([0x02, 0x01], 2), packetize: packetizeH265 },
  { format: 'vp8', unit: single(bytes(1, 6_000)), packetize: (unit, most) => packetizeVp8(first(unit), most) },
  { format: 'vp9', unit: single(bytes(1, 6_000)), packetize: (unit, most) => packetizeVp9(first(unit), false, most) },
  { format: 'av1', unit: obus, packetize: (unit, most) => packetizeAv1(unit, true, most) },
  { format: 'mpeg4', unit: single(vop), packetize: (unit, most) => packetizeMpeg4Video(first(unit), most) },
  { format: 'aac', unit: single(bytes(1, 8_000)), packetize: (unit, most) => packetizeAac(first(unit), most) },
  {
    format: 'mpa',
    unit: single(mpegAudioFrame),
    packetize: (unit, most) => packetizeMpegAudio(first(unit), most),
  },
  { format: 'latm', unit: single(bytes(1, 4_000)), packetize: (unit, most) => asLatm(first(unit), most) },
  {
    format: 'g729',
    unit: single(fc.integer({ min: 1, max: 6 }).map((frames) => Buffer.alloc(frames * 10, frames))),
    packetize: (unit, most) => packetizeBlocks(first(unit), 10, most),
  },
  { format: 'plain', unit: single(bytes(1, 60)), packetize: (unit, most) => packetizeBlocks(first(unit), 1, most) },
];

/** We never send LATM: ISO/IEC 14496-3 1.7.3.1, RFC 6416 5.2. */
function asLatm(frame: Buffer, most: number): readonly Buffer[] {
  const length = Buffer.alloc(Math.floor(frame.length / 255) + 1, 255);
  length[length.length - 1] = frame.length % 255;
  return packetizeBlocks(Buffer.concat([length, frame]), 1, most);
}
