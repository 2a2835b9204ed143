import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { WireError } from '../../../../wire/errors.ts';
import { nutChecksum } from '../../../../wire/nut/crc.ts';
import type { NutFrame, NutStream } from '../../../../wire/nut/nut.ts';
import { NutReader } from '../../../../wire/nut/reader.ts';
import { NutWriter } from '../../../../wire/nut/writer.ts';
import type { NutVector } from '../../../vectors/nut/vectors.ts';

const vectors = JSON.parse(
  readFileSync(new URL('../../../vectors/nut/ffmpeg.json', import.meta.url), 'utf8'),
) as NutVector[];

function readAll(bytes: Buffer, chunk = bytes.length) {
  const frames: NutFrame[] = [];
  let streams: readonly NutStream[] = [];
  const reader = new NutReader(
    { maxFrameBytes: 1 << 20 },
    {
      onStreams: (found) => {
        streams = found;
      },
      onFrame: (frame) => frames.push(frame),
    },
  );
  for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk));
  return { streams, frames };
}

const sound: NutStream = {
  kind: 'audio',
  fourcc: '\x07\x00\x00\x00',
  timeBase: { numerator: 1, denominator: 1_000_000 },
  codecData: Buffer.from('0102', 'hex'),
  sampleRate: 8_000,
  channels: 1,
};

describe('NUT', () => {
  it('has a checksum that ends in zero', () => {
    const bytes = Buffer.from('123456789');
    const sum = Buffer.alloc(4);
    // CRC-32 of generator 0x04C11DB7, not reflected, starting at 0, as FFmpeg's av_crc(AV_CRC_32_IEEE) gives it
    assert.equal(nutChecksum(bytes, 0, 9), 0x89a1897f);
    sum.writeUInt32BE(nutChecksum(bytes, 0, 9));
    assert.equal(nutChecksum(Buffer.concat([bytes, sum]), 0, 13), 0);
  });

  for (const { name, hex, stream, frames } of vectors) {
    for (const chunk of [1, 7, 1_000_000]) {
      it(`reads FFmpeg's ${name} in pieces of ${chunk}`, () => {
        const found = readAll(Buffer.from(hex, 'hex'), chunk);
        const [first] = found.streams;
        assert.ok(first !== undefined);
        for (const [field, value] of Object.entries(stream)) {
          assert.equal(first[field as keyof NutStream], value, field);
        }
        assert.deepEqual(
          found.frames.map((frame) => [frame.pts, frame.keyframe, frame.payload.length]),
          frames,
        );
      });
    }
  }

  it('is read by FFmpeg as it was written', () => {
    const writer = new NutWriter([sound]);
    const frames = [10_000_000, 10_020_000, 12_345_678_901_234].map((pts, index) => ({
      pts,
      payload: Buffer.alloc(160 + 5_000 * index, 0xff),
    }));
    const bytes = [writer.header()];
    for (const { pts, payload } of frames) bytes.push(writer.frameHeader(0, pts, true, payload.length), payload);
    const args = ['-v', 'error', '-f', 'nut', '-show_packets', '-show_streams', '-of', 'json', '-'];
    const probe = spawnSync('ffprobe', args, { input: Buffer.concat(bytes), encoding: 'utf8' });
    const said = JSON.parse(probe.stdout) as {
      packets: { pts: number; size: string }[];
      streams: { codec_name: string; time_base: string }[];
    };
    assert.deepEqual(
      said.packets.map(({ pts, size }) => [pts, Number(size)]),
      frames.map(({ pts, payload }) => [pts, payload.length]),
    );
    assert.equal(said.streams[0]?.codec_name, 'pcm_mulaw');
    assert.equal(said.streams[0]?.time_base, '1/1000000');
  });

  const header = new NutWriter([sound]).header();
  const faults: readonly [string, Buffer, RegExp][] = [
    ['another file', Buffer.from('RIFF'.repeat(10)), /file id/],
    ['a damaged header', flipped(header, 40), /checksum/],
    [
      'an unknown startcode',
      Buffer.concat([header.subarray(0, 25), Buffer.from('4e4d4d4d4d4d4d4d04', 'hex'), Buffer.alloc(8)]),
      /startcode/,
    ],
    [
      'a frame too large',
      Buffer.concat([header, new NutWriter([sound]).frameHeader(0, 1, true, 2 << 20)]),
      /too-large|bytes/,
    ],
    [
      'a damaged frame header',
      Buffer.concat([header, flipped(new NutWriter([sound]).frameHeader(0, 1, true, 4), 2), Buffer.alloc(40)]),
      /checksum/,
    ],
    [
      'a packet longer than is taken',
      Buffer.concat([
        header.subarray(0, 25),
        Buffer.from('4e4d7a561f5f04ad', 'hex'),
        Buffer.from('ffffff7f', 'hex'),
        Buffer.alloc(32),
      ]),
      /checksum|too-large|bytes/,
    ],
  ];
  for (const [what, bytes, expected] of faults) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => readAll(bytes),
        (error) => error instanceof WireError && expected.test(error.message),
      );
    });
  }
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
