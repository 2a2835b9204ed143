import { spawnSync } from 'node:child_process';
import { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecName } from '../../core/media/codecs/codec-descriptor.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { fromTicks } from '../../core/time/micros.ts';
import { ResultUnits } from '../../transcoders/ffmpeg/result-units.ts';
import { sourcePieces, sourceStream } from '../../transcoders/ffmpeg/source-stream.ts';
import { NutReader } from '../../wire/nut/reader.ts';
import { NutWriter } from '../../wire/nut/writer.ts';
import { run } from './media-source.ts';

/** Runs ffmpeg, which must succeed; returns its standard output. */
export function runFfmpeg(args: readonly string[], input?: Buffer): Buffer {
  const ended = spawnSync('ffmpeg', ['-hide_banner', '-nostdin', '-v', 'error', ...args], {
    input: input ?? Buffer.alloc(0),
    maxBuffer: 1 << 29,
  });
  if (ended.status !== 0) throw new Error(`ffmpeg ended with ${ended.status}: ${ended.stderr.toString()}`);
  return ended.stdout;
}

/** Units of media that ffmpeg makes with these options: real coded media for tests of transcoders. */
export function encodeUnits(codec: CodecName, args: readonly string[]): AccessUnit[] {
  const units: AccessUnit[] = [];
  let results: ResultUnits | undefined;
  let ticksPerSecond = 1;
  const reader = new NutReader(
    { maxFrameBytes: 1 << 24 },
    {
      onStreams: ([stream]) => {
        if (stream === undefined) return;
        results = new ResultUnits(codec, stream);
        ticksPerSecond = stream.timeBase.denominator / stream.timeBase.numerator;
      },
      onFrame: (frame) => {
        const unit = results?.make(frame, fromTicks(frame.pts, ticksPerSecond), undefined);
        if (unit !== undefined) units.push(unit);
      },
    },
  );
  reader.push(runFfmpeg([...args, '-f', 'nut', '-write_index', '0', '-']));
  return units;
}

/** Samples of one channel at 48 kHz, with the time of the first one in µs. */
export interface Sound {
  readonly samples: Float32Array;
  readonly startsAt: number;
}

/** Decodes the units' sound; other tests beside this one go on meanwhile. */
export async function decodeSound(units: readonly AccessUnit[]): Promise<Sound> {
  const [first] = units;
  if (first === undefined) throw new Error('no units');
  const writer = new NutWriter([sourceStream(first.codec, 1_000_000)]);
  const pieces: Buffer[] = [writer.header()];
  for (const unit of units) {
    const parts = sourcePieces(unit);
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    pieces.push(writer.frameHeader(0, unit.pts, true, size), ...parts);
  }
  // FFmpeg's own decoder of Speex (in 5.1) strays from the encoder until a tone is noise.
  const decoder = first.codec.name === 'speex' ? ['-c:a', 'libspeex'] : [];
  const input = [...decoder, '-copyts', '-f', 'nut', '-i', 'pipe:0'];
  const stereo = first.codec.kind === 'audio' && first.codec.channels === 2;
  const output = [
    '-af',
    `pan=mono|c0=${stereo ? '0.5*c0+0.5*c1' : 'c0'}`,
    '-ar',
    '48000',
    '-c:a',
    'pcm_f32le',
    '-f',
    'nut',
    '-write_index',
    '0',
    '-',
  ];
  let startsAt: number | undefined;
  const sounds: Buffer[] = [];
  const reader = new NutReader(
    { maxFrameBytes: 1 << 24 },
    {
      onStreams: () => undefined,
      onFrame: ({ pts, payload }) => {
        startsAt ??= (pts / 48_000) * 1e6;
        sounds.push(Buffer.from(payload));
      },
    },
  );
  const quiet = ['-hide_banner', '-nostdin', '-v', 'error'];
  reader.push(await run('ffmpeg', [...quiet, ...input, ...output], Buffer.concat(pieces)));
  const bytes = Buffer.concat(sounds);
  const samples = new Float32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
  return { samples, startsAt: startsAt ?? 0 };
}

/** Hz by the rising zero crossings between the first and the last. */
export function measureFrequency(samples: Float32Array): number {
  const crossings: number[] = [];
  for (let at = 1; at < samples.length; at += 1) {
    const [before = 0, now = 0] = [samples[at - 1], samples[at]];
    if (before < 0 && now >= 0) crossings.push(at - 1 + -before / (now - before));
  }
  const [first = 0] = crossings;
  return ((crossings.length - 1) * 48_000) / ((crossings.at(-1) ?? 0) - first);
}

/** Root mean square, in decibels of full scale. */
export function measureLevel(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / samples.length);
}

/** Pulls until `count` units came, or the subscription ended. */
export async function pullUnits(subscription: Subscription, count: number): Promise<AccessUnit[]> {
  const units: AccessUnit[] = [];
  for await (const { unit } of subscription) {
    units.push(unit);
    if (units.length >= count) break;
  }
  return units;
}

/** The unit again, `shift` µs later and `index` of a loop. */
export function shifted(unit: AccessUnit, shift: number): AccessUnit {
  const { codec, keyframe, parts } = unit;
  return new AccessUnit({
    codec,
    keyframe,
    parts,
    pts: (unit.pts + shift) as AccessUnit['pts'],
    dts: (unit.dts + shift) as AccessUnit['dts'],
  });
}
