import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', '.cache');

/**
 * A clip of ten seconds made by ffmpeg: 720p30 test picture without B-frames, key frame each second, AAC 48 kHz. Kept
 * between runs.
 */
export function makeClip(kilobits: number): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `bench-${kilobits}k.flv`);
  if (existsSync(file)) return file;
  const size = kilobits >= 1_500 ? '1280x720' : '640x360';
  const video = Math.max(100, kilobits - 96);
  execFileSync('ffmpeg', [
    ...['-hide_banner', '-loglevel', 'error', '-y'],
    ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=30,noise=alls=20:allf=t`],
    ...['-f', 'lavfi', '-i', 'sine=frequency=1000:sample_rate=48000'],
    ...['-t', '10', '-c:v', 'libx264', '-profile:v', 'baseline', '-pix_fmt', 'yuv420p', '-preset', 'veryfast'],
    ...['-g', '30', '-sc_threshold', '0', '-b:v', `${video}k`, '-minrate', `${video}k`, '-maxrate', `${video}k`],
    ...['-bufsize', `${video}k`, '-nal-hrd', 'cbr', '-c:a', 'aac', '-b:a', '96k', '-ac', '2', '-f', 'flv', file],
  ]);
  return file;
}
