import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readAdtsHeader } from '../../../../wire/codec-records/adts.ts';
import { WireError } from '../../../../wire/errors.ts';
import { findOpusChannels, findRegistration } from '../../../../wire/mpegts/descriptors.ts';
import { TsMuxer } from '../../../../wire/mpegts/muxer.ts';
import { StreamType, unwrapTimestamp, wrapTimestamp } from '../../../../wire/mpegts/packet.ts';
import { splitOpusPayload } from '../../../../wire/mpegts/payloads.ts';
import { readPat, readPmt, writePat, writePmt } from '../../../../wire/mpegts/psi.ts';
import { demuxAll, inChunks } from '../../../vectors/mpegts/collect.ts';
import { probedTracks, readStream, streamNames } from '../../../vectors/mpegts/vectors.ts';

/** The sizes of the frames that ffprobe takes out of a PES payload. */
function frameSizes(codec: string, payload: Buffer): number[] {
  if (codec === 'opus') return splitOpusPayload(payload).map(({ packet }) => packet.length);
  if (codec !== 'aac') return [payload.length];
  const sizes: number[] = [];
  for (let at = 0; at < payload.length; at += sizes.at(-1) ?? 0) sizes.push(readAdtsHeader(payload, at).frameLength);
  return sizes;
}

describe('TsDemuxer', () => {
  for (const name of streamNames) {
    for (const size of [100_000, 188, 1000, 1]) {
      it(`reads ffmpeg's ${name} in chunks of ${size} as ffprobe does`, () => {
        const { pes, demuxer } = demuxAll(inChunks(readStream(name), size));
        for (const track of probedTracks(name)) {
          const own = pes.filter((unit) => unit.pid === track.pid);
          const sizes = own.flatMap((unit) => frameSizes(track.codec, unit.payload));
          assert.deepEqual(
            sizes,
            track.packets.map(([, , bytes]) => bytes),
          );
          const times = new Map(track.packets.map(([pts, dts]) => [pts, dts]));
          for (const unit of own) assert.equal(times.get(unit.pts ?? -1), unit.dts);
          assert.equal(own[0]?.randomAccess, true);
        }
        assert.ok(pes.every((unit) => !unit.damaged));
        const { continuityErrors, crcErrors, malformed } = demuxer.counters;
        assert.deepEqual([continuityErrors, crcErrors, malformed, demuxer.skippedBytes], [0, 0, 0, 0]);
      });
    }
  }

  it('announces programs once, with descriptors', () => {
    const { programs } = demuxAll([readStream('opus'), readStream('opus')]);
    assert.equal(programs.length, 1);
    const track = programs[0]?.tracks[0];
    assert.equal(track?.streamType, StreamType.private);
    assert.equal(findRegistration(track.descriptors), 'Opus');
    assert.equal(findOpusChannels(track.descriptors), 2);
  });

  it('reads the first PCR of ffmpeg, 0.7 s before its first DTS', () => {
    assert.equal(demuxAll([readStream('opus')]).pcrs[0], (126_000 - 63_000) * 300);
  });

  it('finds sync again behind noise that holds sync bytes', () => {
    const stream = readStream('av');
    const noise = Buffer.alloc(500, 0x11);
    noise[10] = 0x47;
    noise[300] = 0x47;
    const broken = Buffer.concat([noise, stream.subarray(0, 188 * 4), noise.subarray(0, 77), stream.subarray(188 * 4)]);
    for (const size of [broken.length, 1, 200]) {
      const { pes, demuxer } = demuxAll(inChunks(broken, size));
      assert.equal(pes.length, demuxAll([stream]).pes.length);
      assert.equal(demuxer.skippedBytes, 577);
      assert.equal(demuxer.syncLosses, 2);
    }
  });

  it('counts a lost packet, marks what it damaged, and nothing else', () => {
    const stream = readStream('hevc');
    const cut = Buffer.concat([stream.subarray(0, 188 * 7), stream.subarray(188 * 8)]);
    const { pes, demuxer } = demuxAll([cut]);
    assert.equal(demuxer.counters.continuityErrors, 1);
    assert.deepEqual(
      pes.map((unit) => unit.damaged),
      [true, false, false],
    );
  });

  it('takes a packet once that comes twice', () => {
    const stream = readStream('hevc');
    const twice = Buffer.concat([stream.subarray(0, 188 * 8), stream.subarray(188 * 7)]);
    const { pes, demuxer } = demuxAll([twice]);
    assert.equal(demuxer.counters.duplicates, 1);
    assert.deepEqual(pes, demuxAll([stream]).pes);
  });

  it('refuses tables with a wrong CRC', () => {
    const stream = Buffer.from(readStream('hevc'));
    for (let at = 0; at < stream.length; at += 188) {
      // PMT, PID 0x1000: change the stream type
      if (stream.readUInt16BE(at + 1) === 0x5000) stream[at + 5 + 12] = 0x1b;
    }
    const { programs, pes, demuxer } = demuxAll([stream]);
    assert.deepEqual([programs.length, pes.length], [0, 0]);
    assert.ok(demuxer.counters.crcErrors > 0);
  });

  it('counts packets with transport_error_indicator and scrambled ones', () => {
    const stream = Buffer.from(readStream('hevc'));
    stream[188 * 5 + 1] = (stream[188 * 5 + 1] ?? 0) | 0x80;
    stream[188 * 6 + 3] = (stream[188 * 6 + 3] ?? 0) | 0xc0;
    const { pes, demuxer } = demuxAll([stream]);
    assert.deepEqual([demuxer.counters.transportErrors, demuxer.counters.scrambled], [1, 1]);
    assert.equal(pes[0]?.damaged, true);
  });

  it('drops PES packets over its bounds and goes on', () => {
    const longest = demuxAll([readStream('hevc')], { maxPesBytes: 2000 });
    assert.equal(longest.pes.length, 2);
    assert.equal(longest.demuxer.counters.oversized, 1);
    const all = demuxAll([readStream('av')], { maxBufferedBytes: 4096 });
    assert.ok(all.demuxer.counters.oversized > 0);
  });

  it('ends a PES packet where its length says, whatever follows in the packet', () => {
    const muxer = new TsMuxer({ tracks: [{ pid: 0x100, streamType: StreamType.adtsAac }] });
    const bytes = muxer.unit(0x100, { pts: 0, keyframe: true, parts: [Buffer.alloc(400, 1)] });
    // The first packet's adaptation field has 8 bytes: the length stands behind it
    bytes.writeUInt16BE(8 + 100, 4 + 8 + 4);
    const { pes } = demuxAll([muxer.tables(), bytes]);
    assert.deepEqual(
      pes.map((unit) => [unit.payload.length, unit.damaged]),
      [[100, false]],
    );
  });

  it('refuses tables with more tracks or programs than it bounds', () => {
    const tracks = [];
    for (let i = 0; i < 33; i++) tracks.push({ pid: 0x100 + i, streamType: 6, descriptors: Buffer.alloc(0) });
    const pmt = { programNumber: 1, version: 0, pcrPid: 0x100, descriptors: Buffer.alloc(0), tracks };
    const tooLarge = (error: unknown) => error instanceof WireError && error.code === 'too-large';
    assert.throws(() => readPmt(writePmt(pmt)), tooLarge);
    assert.equal(readPmt(writePmt({ ...pmt, tracks: tracks.slice(1) }))?.tracks.length, 32);
    const programs = tracks.slice(0, 17).map(({ pid }) => ({ programNumber: pid, pmtPid: pid }));
    assert.throws(() => readPat(writePat({ transportStreamId: 1, version: 0, programs })), tooLarge);
    assert.equal(
      readPat(writePat({ transportStreamId: 1, version: 0, programs: programs.slice(1) }))?.programs.length,
      16,
    );
  });

  it('hands out payloads that pin no chunk', () => {
    for (const { payload } of demuxAll([readStream('av')]).pes) assert.ok(payload.buffer.byteLength <= 8192 * 2);
  });
});

describe('33-bit timestamps', () => {
  it('unwrap to the nearest count, both ways', () => {
    assert.equal(unwrapTimestamp(5, undefined), 5);
    assert.equal(unwrapTimestamp(5, 2 ** 33 - 10), 2 ** 33 + 5);
    assert.equal(unwrapTimestamp(2 ** 33 - 10, 2 ** 33 + 5), 2 ** 33 - 10);
    assert.equal(unwrapTimestamp(7, 3 * 2 ** 33 + 6), 3 * 2 ** 33 + 7);
  });

  it('wrap from any count', () => {
    assert.equal(wrapTimestamp(-1), 2 ** 33 - 1);
    assert.equal(wrapTimestamp(5 * 2 ** 33 + 3), 3);
  });
});
