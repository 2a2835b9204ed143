import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { seconds } from '../../core/time/micros.ts';
import { planAudio } from '../../transcoders/audio/audio-plan.ts';
import { AudioTranscoder } from '../../transcoders/audio/audio-transcoder.ts';
import { Conversion, type ConversionPlan, conversionArguments } from '../../transcoders/ffmpeg/conversion.ts';
import { Ffmpeg } from '../../transcoders/ffmpeg/ffmpeg.ts';
import { sourcePieces, sourceStream } from '../../transcoders/ffmpeg/source-stream.ts';
import { chooseVideoEncoder } from '../../transcoders/video/video-encoders.ts';
import { planVideo } from '../../transcoders/video/video-plan.ts';
import { VideoTranscoder } from '../../transcoders/video/video-transcoder.ts';
import { NutWriter } from '../../wire/nut/writer.ts';
import { TestCore } from '../support/test-core.ts';
import { encodeUnits } from '../support/tone-source.ts';
import { printTable, type Row, round } from './table.ts';

interface Case {
  readonly name: string;
  readonly units: () => AccessUnit[];
  readonly target: CodecTarget;
}

const tone = ['-f', 'lavfi', '-i', 'anoisesrc=a=0.3:r=48000:d=240', '-ac', '2'];
const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30,noise=alls=8:allf=t', '-pix_fmt', 'yuv420p'];
const h264 = () =>
  encodeUnits('h264', [...picture, '-t', '20', '-c:v', 'libx264', '-preset', 'superfast', '-g', '60', '-bf', '0']);

const cases: readonly Case[] = [
  { name: 'AAC to Opus', units: () => encodeUnits('aac', [...tone, '-c:a', 'aac']), target: { codec: 'opus' } },
  { name: 'Opus to AAC', units: () => encodeUnits('opus', [...tone, '-c:a', 'libopus']), target: { codec: 'aac' } },
  { name: '720p30 H.264 to H.264', units: h264, target: { codec: 'h264', bitrate: 2_000_000 } },
  { name: '720p30 H.264 to 480p H.264', units: h264, target: { codec: 'h264', width: 854, height: 480 } },
  { name: '720p30 H.264 to VP8', units: h264, target: { codec: 'vp8' } },
];

/** What a rendition costs beside the same ffmpeg by hand; how soon it gives its first unit, and how late it is. */
export async function run(): Promise<void> {
  const rows: Row[] = [];
  for (const one of cases) {
    const units = one.units();
    const cost = await measureCost(units, one.target);
    const times = await measureTimes(units, one.target);
    rows.push({
      conversion: one.name,
      'cores by hand': round(cost.byHand, 3),
      'cores of a rendition': round(cost.ours, 3),
      ratio: round(cost.ours / cost.byHand, 2),
      'first unit, ms': round(times.first, 0),
      'added, median ms': round(times.median, 1),
      'added, 99 of 100, ms': round(times.high, 1),
    });
  }
  printTable('Transcoding', rows);
}

function openFfmpeg(core: TestCore): Ffmpeg {
  return new Ffmpeg(
    { program: 'ffmpeg', nice: 0, threads: 2, grace: seconds(10), stallTimeout: seconds(60), hardware: 'none' },
    { clock: core.clock, log: core.observe.log },
  );
}

function planFor(units: readonly AccessUnit[], target: CodecTarget): ConversionPlan {
  const from = units[0]?.codec;
  if (from === undefined) throw new Error('no units');
  if (from.kind === 'audio') return planAudio(from, target);
  const encoder = chooseVideoEncoder(target.codec as VideoCodecName, 'none', {
    encode: () => true,
    accelerate: () => false,
  });
  if (encoder === undefined) throw new Error('no encoder');
  return planVideo(from, target, encoder, { threads: 2, preset: undefined });
}

/** Seconds of CPU of the children that have ended (proc(5): cutime, cstime, in hundredths). */
function childrenCpu(): number {
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

async function measureCost(units: readonly AccessUnit[], target: CodecTarget) {
  const plan = planFor(units, target);
  const length = ((units.at(-1)?.pts ?? 0) - (units[0]?.pts ?? 0)) / 1e6;
  const folder = mkdtempSync(join(tmpdir(), 'transcode-'));
  const file = join(folder, 'source.nut');
  const writer = new NutWriter([sourceStream(plan.from, plan.from.kind === 'video' ? 4_000_000 : 1_000_000)]);
  const pieces = [writer.header()];
  for (const unit of units) {
    const parts = sourcePieces(unit);
    const ticks = (unit.pts + 10_000_000) * (plan.from.kind === 'video' ? 4 : 1);
    pieces.push(
      writer.frameHeader(
        0,
        ticks,
        unit.keyframe,
        parts.reduce((sum, part) => sum + part.length, 0),
      ),
      ...parts,
    );
  }
  writeFileSync(file, Buffer.concat(pieces));
  const args = conversionArguments(plan)
    .map((arg) => (arg === 'pipe:0' ? file : arg === 'pipe:1' ? join(folder, 'result.nut') : arg))
    .map((arg) => (arg === 'pipe:3' ? join(folder, 'progress') : arg));
  const before = childrenCpu();
  const byHandRun = spawnSync('ffmpeg', ['-y', ...args]);
  if (byHandRun.status !== 0) throw new Error(byHandRun.stderr.toString());
  const byHand = childrenCpu() - before;
  rmSync(folder, { recursive: true });

  const core = new TestCore();
  const cpuBefore = process.cpuUsage();
  const childrenBefore = childrenCpu();
  const conversion = new Conversion(plan, {
    ffmpeg: openFfmpeg(core),
    scope: core.scope,
    onUnit: () => undefined,
    onEnd: () => undefined,
  });
  for (const unit of units) {
    conversion.write(unit, 0);
    if (!conversion.keepsUp) await conversion.ready();
  }
  await conversion.finish();
  await core.close();
  const own = process.cpuUsage(cpuBefore);
  const ours = childrenCpu() - childrenBefore + (own.user + own.system) / 1e6;
  return { byHand: byHand / length, ours: ours / length };
}

/** When a unit can be there at the earliest, in ms of stream time: sound when its last sample has been heard. */
function wholeAt({ codec, pts }: AccessUnit): number {
  if (codec.kind === 'video') return pts / 1_000;
  return pts / 1_000 + (codec.name === 'aac' ? (codec.samplesPerFrame * 1_000) / codec.sampleRate : 20);
}

/** Plays ten seconds at their own speed through the core. */
async function measureTimes(units: readonly AccessUnit[], target: CodecTarget) {
  const core = new TestCore({ streams: { renditions: { cores: 16 } } });
  const ffmpeg = openFfmpeg(core);
  await ffmpeg.probe(core.scope);
  core.streams.renditions.add(new AudioTranscoder({ ffmpeg }), core.scope);
  core.streams.renditions.add(new VideoTranscoder({}, { ffmpeg }), core.scope);
  const kind = units[0]?.codec.kind ?? 'audio';
  const publication = await core.publish('one', { expects: [kind] });
  const track = publication.addTrack((units[0] as AccessUnit).codec);
  const began = performance.now();
  const played = units.filter((unit) => unit.pts < 10_000_000);
  const feeding = (async () => {
    for (const unit of played) {
      const due = wholeAt(unit);
      while (performance.now() - began < due) await new Promise((resolve) => setTimeout(resolve, 1));
      track.write(unit);
    }
  })();
  const askedAt = performance.now();
  const subscription = await core.subscribe('one', { wishes: [{ kind, accepts: [target] }] });
  const first = performance.now() - askedAt;
  const late: number[] = [];
  for await (const { unit } of subscription) {
    late.push(performance.now() - began - wholeAt(unit));
    if (unit.pts > 9_800_000) break;
  }
  await feeding;
  await core.close();
  late.splice(0, Math.floor(late.length / 4));
  late.sort((a, b) => a - b);
  return { first, median: late[late.length >> 1] ?? 0, high: late[Math.floor(late.length * 0.99)] ?? 0 };
}
