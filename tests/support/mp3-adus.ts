import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { readMpegAudioFrame } from '../../wire/rtp/payload/mpeg-audio-frame.ts';

/** A frame of MP3 as it stands in a plain stream, and the ADU with the same content. RFC 5219 3. */
export interface AduPair {
  readonly frame: Buffer;
  readonly unit: Buffer;
}

/** What is drawn for one frame: its bit rate, whether it has a CRC, how far back its data begins, how much of its room it takes. */
const draw = fc.record({
  bitrate: fc.integer({ min: 1, max: 14 }),
  guarded: fc.boolean(),
  back: fc.nat(511),
  share: fc.nat(100),
  fill: fc.integer({ min: 1, max: 255 }),
});

/** A row of frames of MPEG-1 with a reservoir: data of each begins at most 511 bytes before its own room, and ends in it. */
export const aduPairs: fc.Arbitrary<readonly AduPair[]> = fc
  .array(draw, { minLength: 1, maxLength: 12 })
  .map((draws) => {
    const fronts = draws.map(({ bitrate, guarded, fill }) => {
      const header = Buffer.of(0xff, guarded ? 0xfa : 0xfb, bitrate << 4, 0x40);
      const front = Buffer.alloc((guarded ? 6 : 4) + 32, fill);
      header.copy(front);
      return { front, frame: Buffer.alloc(readMpegAudioFrame(header, 0).length) };
    });
    let room = 0;
    let taken = 0;
    const rooms = fronts.map(({ front, frame }) => {
      const from = room;
      room += frame.length - front.length;
      return { from, to: room };
    });
    const main = Buffer.alloc(room);
    const units = draws.map(({ back, share, fill }, index) => {
      const { from = 0, to = 0 } = rooms[index] ?? {};
      const start = Math.max(taken, from - back);
      const end = start + Math.floor(((to - start) * share) / 100);
      main.fill(fill, start, end);
      taken = Math.max(taken, end);
      const { front } = fronts[index] as { front: Buffer };
      front.writeUInt16BE(((from - start) << 7) | (front.readUInt16BE(front.length - 32) & 0x7f), front.length - 32);
      return Buffer.concat([front, main.subarray(start, end)]);
    });
    return units.map((unit, index) => {
      const { front, frame } = fronts[index] as { front: Buffer; frame: Buffer };
      front.copy(frame);
      main.copy(frame, front.length, rooms[index]?.from, rooms[index]?.to);
      return { frame, unit };
    });
  });

/** Payloads with one ADU, or with a piece of one: RFC 5219 4.2 and 4.3. */
export function packetizeAdu(unit: Buffer, most: number): readonly Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at < unit.length; at += most - 2) {
    const head = Buffer.of((at === 0 ? 0x40 : 0xc0) | (unit.length >> 8), unit.length & 0xff);
    payloads.push(Buffer.concat([head, unit.subarray(at, at + most - 2)]));
  }
  return payloads;
}
