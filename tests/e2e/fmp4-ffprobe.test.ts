import { deepEqual, equal, ok } from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { vpConfigRecord } from '../../wire/fmp4/codec-config.ts';
import { type ReadSample, readFragments, sampleBytes } from '../../wire/fmp4/fragment-reader.ts';
import { type FragmentTrack, mediaFragment } from '../../wire/fmp4/fragment-writer.ts';
import { type InitTrack, readInitSegment } from '../../wire/fmp4/init-reader.ts';
import { initSegment } from '../../wire/fmp4/init-writer.ts';
import type { Fmp4Track, FragmentSample } from '../../wire/fmp4/track.ts';

const run = promisify(execFile);

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=128x72:r=25'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=440:r=48000'];
const FRAGMENTED = ['-movflags', '+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets', '-f', 'mp4'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'];
const AAC = ['-c:a', 'aac', '-b:a', '64k', '-ac', '2'];

const SOURCES: readonly { name: string; arguments: readonly string[] }[] = [
  { name: 'H.264 with B-frames and AAC', arguments: [...PICTURE, ...SOUND, ...H264, ...AAC] },
  { name: 'H.264 alone', arguments: [...PICTURE, ...H264] },
  { name: 'AAC alone', arguments: [...SOUND, ...AAC, '-frag_duration', '500000'] },
  { name: 'MP3', arguments: [...SOUND, '-c:a', 'libmp3lame', '-frag_duration', '500000'] },
  { name: 'Opus', arguments: [...SOUND, '-c:a', 'libopus', '-frag_duration', '500000'] },
  { name: 'FLAC', arguments: [...SOUND, '-c:a', 'flac', '-strict', '-2', '-frag_duration', '500000'] },
  {
    name: 'H.265',
    arguments: [
      ...PICTURE,
      '-c:v',
      'libx265',
      '-preset',
      'ultrafast',
      '-x265-params',
      'log-level=none',
      '-tag:v',
      'hvc1',
    ],
  },
  { name: 'VP9', arguments: [...PICTURE, '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'] },
  { name: 'AV1', arguments: [...PICTURE, '-c:v', 'libaom-av1', '-usage', 'realtime', '-cpu-used', '8'] },
];

/** Every decoded frame with its time and the hash of its pixels or samples. */
async function framesOf(file: string): Promise<string[]> {
  const { stdout, stderr } = await run('ffmpeg', [
    '-v',
    'warning',
    '-copyts',
    '-i',
    file,
    '-f',
    'framemd5',
    '-fps_mode',
    'passthrough',
    '-',
  ]);
  equal(stderr, '', 'ffmpeg warns of nothing');
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function trackOf(track: InitTrack): Fmp4Track {
  const shared = { trackId: track.trackId, timescale: track.timescale, config: track.config, language: track.language };
  if (track.kind === 'video') {
    return { ...shared, kind: 'video', codec: track.codec as 'avc1', width: track.width, height: track.height };
  }
  return {
    ...shared,
    kind: 'audio',
    codec: track.codec as 'Opus',
    channels: track.channels,
    sampleRate: track.sampleRate,
  };
}

function fragmentSample(bytes: Buffer, sample: ReadSample): FragmentSample {
  const payload = sampleBytes(bytes, sample);
  const half = payload.length >> 1;
  return {
    duration: sample.duration,
    size: sample.size,
    compositionOffset: sample.cts - sample.dts,
    keyframe: sample.keyframe,
    parts: [payload.subarray(0, half), payload.subarray(half)],
  };
}

/** The file again through our writer; `chunk` samples of each track a fragment, or all of a fragment when 0. */
function rewrite(bytes: Buffer, chunk: number): Buffer {
  const init = readInitSegment(bytes);
  const output: Buffer[] = [initSegment(init.tracks.map(trackOf))];
  let sequence = 1;
  for (const fragment of readFragments(bytes, init)) {
    const longest = Math.max(...fragment.tracks.map((track) => track.samples.length));
    const step = chunk === 0 ? longest : chunk;
    for (let at = 0; at < longest; at += step) {
      const tracks: FragmentTrack[] = [];
      for (const track of fragment.tracks) {
        const samples = track.samples.slice(at, at + step);
        const first = samples[0];
        if (first === undefined) continue;
        tracks.push({
          trackId: track.trackId,
          baseDecodeTime: first.dts,
          samples: samples.map((sample) => fragmentSample(bytes, sample)),
        });
      }
      output.push(
        ...mediaFragment({
          sequence: sequence++,
          tracks,
          segmentType: at === 0,
          producerTime: { trackId: 1, unixMicros: 1_700_000_000_000_000, mediaTime: 0, moment: 'captured' },
          events: [
            {
              scheme: 'urn:test',
              value: '1',
              timescale: 1000,
              presentationTime: 0n,
              duration: 0,
              id: at,
              message: Buffer.from('x'),
            },
          ],
        }),
      );
    }
  }
  return Buffer.concat(output);
}

describe('fMP4 in front of ffmpeg', function () {
  this.timeout(60_000);
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fmp4-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  for (const source of SOURCES) {
    it(`${source.name}: every frame comes out at its time, whatever the fragments`, async () => {
      const from = join(folder, 'source.mp4');
      await run('ffmpeg', ['-v', 'error', '-y', ...source.arguments, '-t', '2', ...FRAGMENTED, from]);
      const bytes = await readFile(from);
      const wanted = await framesOf(from);
      ok(wanted.length >= 19, `the source has ${wanted.length} frames`);
      for (const chunk of [0, 1, 7]) {
        const to = join(folder, 'rewritten.mp4');
        await writeFile(to, rewrite(bytes, chunk));
        deepEqual(await framesOf(to), wanted, `${chunk} samples a fragment`);
      }
    });
  }

  it('VP8: frames of an IVF file', async () => {
    const from = join(folder, 'source.ivf');
    await run('ffmpeg', ['-v', 'error', '-y', ...PICTURE, '-t', '1', '-c:v', 'libvpx', '-deadline', 'realtime', from]);
    const bytes = await readFile(from);
    const samples: FragmentSample[] = [];
    for (let at = 32; at < bytes.length; ) {
      const size = bytes.readUInt32LE(at);
      const frame = bytes.subarray(at + 12, at + 12 + size);
      samples.push({ duration: 40, size, compositionOffset: 0, keyframe: ((frame[0] ?? 1) & 1) === 0, parts: [frame] });
      at += 12 + size;
    }
    const to = join(folder, 'vp8.mp4');
    const config = vpConfigRecord({ profile: 0, level: 10, bitDepth: 8, chromaSubsampling: 0 });
    const track: Fmp4Track = {
      kind: 'video',
      codec: 'vp08',
      trackId: 1,
      timescale: 1000,
      config,
      width: 128,
      height: 72,
    };
    const fragment = mediaFragment({ sequence: 1, tracks: [{ trackId: 1, baseDecodeTime: 0, samples }] });
    await writeFile(to, Buffer.concat([initSegment([track]), ...fragment]));
    const hashes = (lines: string[]) => lines.map((line) => line.split(',').at(-1));
    const wanted = await framesOf(from);
    equal(wanted.length, 25);
    deepEqual(hashes(await framesOf(to)), hashes(wanted));
  });

  it('is named by ffprobe as what it is', async () => {
    const from = join(folder, 'source.mp4');
    await run('ffmpeg', ['-v', 'error', '-y', ...PICTURE, ...SOUND, ...H264, ...AAC, '-t', '1', ...FRAGMENTED, from]);
    const to = join(folder, 'rewritten.mp4');
    await writeFile(to, rewrite(await readFile(from), 5));
    const show = [
      '-v',
      'warning',
      '-count_frames',
      '-show_entries',
      'stream=codec_name,width,height,sample_rate,channels,nb_read_frames',
      '-of',
      'csv=p=0',
    ];
    const { stdout, stderr } = await run('ffprobe', [...show, to]);
    equal(stderr, '');
    // A second of sound is 47 frames of 1024 samples, and one of priming.
    equal(stdout.trim(), 'h264,128,72,25\naac,48000,2,48');
  });
});
