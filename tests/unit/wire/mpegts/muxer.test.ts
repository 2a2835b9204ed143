import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { WireError } from '../../../../wire/errors.ts';
import { crc32Mpeg } from '../../../../wire/mpegts/crc32.ts';
import { opusDescriptors } from '../../../../wire/mpegts/descriptors.ts';
import { TsMuxer } from '../../../../wire/mpegts/muxer.ts';
import { StreamType } from '../../../../wire/mpegts/packet.ts';
import { annexBPayload, opusControlHeader, splitOpusPayload } from '../../../../wire/mpegts/payloads.ts';
import { demuxAll } from '../../../vectors/mpegts/collect.ts';
import { readStream } from '../../../vectors/mpegts/vectors.ts';

const video = { pid: 0x100, streamType: StreamType.h264 };
const audio = { pid: 0x101, streamType: StreamType.adtsAac };

describe('TsMuxer', () => {
  it('writes the PAT that ffmpeg writes', () => {
    const stream = readStream('opus');
    // ffmpeg begins with an SDT; its PAT is the first packet of PID 0
    let at = 0;
    while (stream.readUInt16BE(at + 1) !== 0x4000) at += 188;
    const [own, theirs] = [new TsMuxer({ tracks: [video] }).tables().subarray(0, 188), stream.subarray(at, at + 188)];
    assert.equal(own.toString('hex', 4), theirs.toString('hex', 4));
  });

  it('writes the PMT entry that ffmpeg writes for Opus', () => {
    const track = { pid: 0x100, streamType: StreamType.private, descriptors: opusDescriptors(2) };
    const [own] = demuxAll([new TsMuxer({ tracks: [track] }).tables()]).programs;
    const [theirs] = demuxAll([readStream('opus')]).programs;
    assert.deepEqual(own?.tracks, theirs?.tracks);
    assert.equal(own?.pcrPid, theirs?.pcrPid);
  });

  it('fills packets exactly, whatever the size', () => {
    for (let size = 0; size < 600; size++) {
      const muxer = new TsMuxer({ tracks: [video, audio] });
      const parts = [Buffer.alloc(size >> 1, 1), Buffer.alloc(size - (size >> 1), 2)];
      const bytes = [
        muxer.tables(),
        muxer.unit(0x101, { pts: 90_000, keyframe: false, parts }),
        muxer.unit(0x100, { pts: 99_000, dts: 90_000, keyframe: true, parts }),
      ];
      for (const piece of bytes) assert.equal(piece.length % 188, 0);
      const { pes, pcrs, demuxer } = demuxAll(bytes);
      assert.deepEqual(
        pes.map((unit) => unit.payload),
        [Buffer.concat(parts), Buffer.concat(parts)],
      );
      assert.deepEqual(
        pes.map((unit) => [unit.pts, unit.dts]),
        [
          [90_000, 90_000],
          [99_000, 90_000],
        ],
      );
      assert.deepEqual(
        pes.map((unit) => unit.randomAccess),
        [false, true],
      );
      assert.deepEqual(pcrs, [81_000 * 300]);
      assert.equal(demuxer.counters.malformed, 0);
    }
  });

  it('sends a PCR at least every 100 ms, while video is slow and audio goes on, and across a gap', () => {
    const muxer = new TsMuxer({ tracks: [video, audio] });
    const bytes = [muxer.tables()];
    const parts = [Buffer.alloc(300)];
    for (let ticks = 0; ticks < 180_000; ticks += 1920) {
      if (ticks % 46_080 === 0) bytes.push(muxer.unit(0x100, { pts: 90_000 + ticks, keyframe: true, parts }));
      bytes.push(muxer.unit(0x101, { pts: 90_000 + ticks, keyframe: false, parts }));
    }
    bytes.push(muxer.unit(0x100, { pts: 90_000 + 240_000, keyframe: true, parts }));
    const { pcrs, demuxer } = demuxAll(bytes);
    assert.ok(pcrs.length > 20);
    for (const [i, pcr] of pcrs.slice(1).entries()) {
      const step = pcr - (pcrs[i] ?? 0);
      assert.ok(step > 0 && step <= 2_700_000, `${step} at ${i}`);
    }
    assert.equal(demuxer.counters.continuityErrors, 0);
  });

  it('keeps counters over new tables and tracks, and says that the tables changed', () => {
    const muxer = new TsMuxer({ tracks: [video] });
    const unit = { pts: 0, keyframe: true, parts: [Buffer.alloc(1000)] };
    const bytes = [muxer.tables(), muxer.unit(0x100, unit)];
    muxer.replaceTracks([video, audio]);
    bytes.push(muxer.tables(), muxer.unit(0x100, unit), muxer.unit(0x101, unit));
    const { programs, pes, demuxer } = demuxAll(bytes);
    assert.deepEqual(
      programs.map((program) => [program.version, program.tracks.length]),
      [
        [0, 1],
        [1, 2],
      ],
    );
    assert.equal(pes.length, 3);
    assert.equal(demuxer.counters.continuityErrors, 0);
  });

  it('writes a PMT over several packets', () => {
    const tracks = [];
    for (let i = 0; i < 32; i++)
      tracks.push({ pid: 0x100 + i, streamType: StreamType.private, descriptors: opusDescriptors(2) });
    const tables = new TsMuxer({ tracks }).tables();
    assert.equal(tables.length, 188 * 4);
    assert.equal(demuxAll([tables]).programs[0]?.tracks.length, 32);
  });

  it('signals a discontinuity to all tracks of the time base', () => {
    const muxer = new TsMuxer({ tracks: [video, audio] });
    const parts = [Buffer.alloc(10)];
    const bytes = [muxer.tables(), muxer.unit(0x100, { pts: 900_000, keyframe: true, parts })];
    bytes.push(muxer.unit(0x100, { pts: 10_000, keyframe: true, parts, discontinuity: true }));
    bytes.push(muxer.unit(0x101, { pts: 10_000, keyframe: false, parts }));
    assert.deepEqual(
      demuxAll(bytes).pes.map((unit) => unit.discontinuity),
      [false, true, true],
    );
  });

  it('writes video over 64 KiB without a length, and refuses such audio', () => {
    const muxer = new TsMuxer({ tracks: [video, audio] });
    const parts = [Buffer.alloc(200_000, 7)];
    const bytes = [muxer.tables(), muxer.unit(0x100, { pts: 0, keyframe: true, parts })];
    assert.deepEqual(demuxAll(bytes).pes[0]?.payload, parts[0]);
    assert.throws(() => muxer.unit(0x101, { pts: 0, keyframe: false, parts }), WireError);
    assert.throws(() => muxer.unit(0x102, { pts: 0, keyframe: false, parts: [] }), WireError);
  });

  it('refuses PIDs that are taken or out of range', () => {
    assert.throws(() => new TsMuxer({ tracks: [video, video] }), WireError);
    assert.throws(() => new TsMuxer({ tracks: [{ ...video, pid: 0x1fff }] }), WireError);
    assert.throws(() => new TsMuxer({ tracks: [{ ...video, pid: 0x1000 }] }), WireError);
    assert.throws(() => new TsMuxer({ tracks: [video], pcrPid: 0x101 }), WireError);
    assert.throws(() => new TsMuxer({ tracks: [] }), WireError);
  });
});

describe('payloads', () => {
  const [sps, pps, idr] = [Buffer.of(0x67, 1), Buffer.of(0x68, 2), Buffer.of(0x65, 3)];

  it('put delimiter and parameter sets before a keyframe, once', () => {
    const expected = '0000000109f0' + '000000016701' + '000000016802' + '000000016503';
    assert.equal(Buffer.concat(annexBPayload('h264', [idr], [sps, pps])).toString('hex'), expected);
    assert.equal(
      Buffer.concat(annexBPayload('h264', [Buffer.of(9, 0x10), sps, pps, idr], [sps, pps])).toString('hex'),
      expected,
    );
    assert.equal(
      Buffer.concat(annexBPayload('h265', [Buffer.of(2, 1, 5)])).toString('hex'),
      '00000001460150' + '00000001020105',
    );
  });

  it('write and read the Opus control header', () => {
    for (const size of [1, 254, 255, 256, 1275]) {
      const packet = Buffer.alloc(size, 9);
      const payload = Buffer.concat([opusControlHeader(size), packet, opusControlHeader(size), packet]);
      assert.deepEqual(
        splitOpusPayload(payload).map((one) => one.packet),
        [packet, packet],
      );
    }
    assert.throws(() => splitOpusPayload(Buffer.from('7fe005', 'hex')), WireError);
    assert.throws(() => splitOpusPayload(Buffer.from('1234', 'hex')), WireError);
    // ffmpeg's first packet trims the encoder's delay
    const first = demuxAll([readStream('opus')]).pes[0];
    assert.equal(splitOpusPayload(first?.payload ?? Buffer.alloc(0))[0]?.startTrim, 312);
  });

  it('compute the check value of CRC-32/MPEG-2', () => {
    assert.equal(crc32Mpeg(Buffer.from('123456789'), 0, 9), 0x0376e6e7);
  });
});
