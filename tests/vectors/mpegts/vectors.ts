import type { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';

/** A track by ffprobe: its packets as [pts, dts, payload bytes]. */
export type ProbedTrack = {
  readonly pid: number;
  readonly codec: string;
  readonly packets: readonly [number, number, number][];
};

/** Streams by ffmpeg (see `ffmpeg.json` for their origin). */
export const streamNames = ['av', 'opus', 'hevc'] as const;
export type StreamName = (typeof streamNames)[number];

export function readStream(name: StreamName): Buffer {
  return readFileSync(new URL(`${name}.mpegts`, import.meta.url));
}

export function probedTracks(name: StreamName): readonly ProbedTrack[] {
  const text = readFileSync(new URL('ffmpeg.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { streams: Record<StreamName, ProbedTrack[]> }).streams[name];
}
