import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAdtsHeader, writeAdtsHeader } from '../../wire/codec-records/adts.ts';
import { splitAnnexB } from '../../wire/codec-records/nal.ts';
import { opusDescriptors, registrationDescriptor } from '../../wire/mpegts/descriptors.ts';
import { TsMuxer, type TsMuxerTrack } from '../../wire/mpegts/muxer.ts';
import { StreamType } from '../../wire/mpegts/packet.ts';
import { annexBPayload, opusControlHeader, splitOpusPayload } from '../../wire/mpegts/payloads.ts';
import type { TsPes } from '../../wire/mpegts/pes-assembler.ts';
import { demuxAll, inChunks } from '../vectors/mpegts/collect.ts';

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25'];
const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=880:sample_rate=48000'];

/** Runs ffmpeg, which must succeed without a word at level `warning` unless `level` says otherwise. */
function ffmpeg(args: readonly string[], level = 'warning'): string {
  const run = spawnSync('ffmpeg', ['-hide_banner', '-nostdin', '-y', '-loglevel', level, ...args], {
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
  assert.equal(run.stderr, '');
  return run.stdout;
}

/** One line a decoded frame: stream, dts, pts, duration, size, MD5. */
function frameHashes(file: string): string[] {
  const lines = ffmpeg(['-i', file, '-map', '0', '-f', 'framemd5', '-'], 'warning').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

/** A unit of a source stream as an AccessUnit would hold it: NAL units or frames, without start codes or headers. */
type Unit = { readonly pes: TsPes; readonly parts: readonly Buffer[] };

const VIDEO = { h264: StreamType.h264, h265: StreamType.h265 } as const;

/** The payload written anew, from the bare units. */
function payloadOf({ pes, parts }: Unit): Buffer[] {
  if (pes.streamType === StreamType.h264) return annexBPayload('h264', parts);
  if (pes.streamType === StreamType.h265) return annexBPayload('h265', parts);
  if (pes.streamType === StreamType.private) return parts.flatMap((part) => [opusControlHeader(part.length), part]);
  return [...parts];
}

function unitOf(pes: TsPes): Unit {
  if (pes.streamType === StreamType.h264 || pes.streamType === StreamType.h265) {
    return { pes, parts: splitAnnexB(pes.payload, 'test') };
  }
  if (pes.streamType === StreamType.private) {
    return { pes, parts: splitOpusPayload(pes.payload).map(({ packet }) => packet) };
  }
  const parts: Buffer[] = [];
  for (let at = 0; at < pes.payload.length; ) {
    if (pes.streamType !== StreamType.adtsAac) return { pes, parts: [pes.payload] };
    const header = readAdtsHeader(pes.payload, at);
    const frame = pes.payload.subarray(at + header.headerLength, at + header.frameLength);
    parts.push(writeAdtsHeader(header, frame.length), frame);
    at += header.frameLength;
  }
  return { pes, parts };
}

/** Reads a stream, takes it apart to units, and writes it anew. */
function remux(bytes: Buffer, tracks: readonly TsMuxerTrack[]): Buffer {
  const { pes } = demuxAll(inChunks(bytes, 1316));
  const muxer = new TsMuxer({ tracks });
  const pieces = [muxer.tables()];
  for (const one of pes) {
    const unit = unitOf(one);
    assert.ok(one.pts !== undefined && one.dts !== undefined);
    if (one.pid === tracks[0]?.pid && one.randomAccess) pieces.push(muxer.tables());
    pieces.push(
      muxer.unit(one.pid, { pts: one.pts, dts: one.dts, keyframe: one.randomAccess, parts: payloadOf(unit) }),
    );
  }
  return Buffer.concat(pieces);
}

describe('MPEG-TS that ffmpeg decodes', function () {
  this.timeout(60_000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'mpegts-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const cases: readonly { name: string; encode: readonly string[]; tracks: readonly TsMuxerTrack[] }[] = [
    {
      name: 'H.264 with B-frames and AAC',
      encode: [...PICTURE, ...TONE, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', '25', '-bf', '2', '-c:a', 'aac'],
      tracks: [
        { pid: 0x100, streamType: VIDEO.h264 },
        { pid: 0x101, streamType: StreamType.adtsAac },
      ],
    },
    {
      name: 'H.265 and MP3',
      encode: [...PICTURE, ...TONE, '-c:v', 'libx265', '-x265-params', 'log-level=none', '-c:a', 'libmp3lame'],
      tracks: [
        { pid: 0x100, streamType: VIDEO.h265, descriptors: registrationDescriptor('HEVC') },
        { pid: 0x101, streamType: StreamType.mpeg1Audio },
      ],
    },
    {
      name: 'MPEG-1 video and Opus',
      encode: [...PICTURE, ...TONE, '-c:v', 'mpeg1video', '-c:a', 'libopus', '-ac', '2'],
      tracks: [
        { pid: 0x100, streamType: StreamType.mpeg1Video },
        { pid: 0x101, streamType: StreamType.private, descriptors: opusDescriptors(2) },
      ],
    },
  ];
  for (const { name, encode, tracks } of cases) {
    it(`${name}: every frame as in the source, without a warning`, () => {
      const source = join(folder, 'source.mpegts');
      const ours = join(folder, 'ours.mpegts');
      ffmpeg([...encode, '-t', '3', '-f', 'mpegts', source], 'error');
      writeFileSync(ours, remux(readFileSync(source), tracks));
      const expected = frameHashes(source);
      assert.ok(expected.length > 100);
      assert.deepEqual(frameHashes(ours), expected);
    });
  }
});
