import type { AudioFacts, VideoFacts } from './live-streams.ts';

const codecNames: Readonly<Record<string, string>> = {
  h264: 'H.264',
  h265: 'H.265',
  vp8: 'VP8',
  vp9: 'VP9',
  av1: 'AV1',
  aac: 'AAC',
  opus: 'Opus',
  mp3: 'MP3',
  flac: 'FLAC',
};

export function codecName(codec: string): string {
  return codecNames[codec] ?? codec.toUpperCase();
}

/** `2.1 Mbit/s` */
export function formatBitrate(bits: number): string {
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bits / 1e3)} kbit/s`;
}

/** `1280 × 720` */
export function formatSize(video: VideoFacts): string {
  return `${video.width} × ${video.height}`;
}

/** `H.264 · AAC` */
export function formatCodecs(video: VideoFacts | undefined, audio: AudioFacts | undefined): string {
  return [video, audio]
    .filter((facts) => facts !== undefined)
    .map(({ codec }) => codecName(codec))
    .join(' · ');
}

/** `for 3 min`, `for 2 h 5 min` */
export function formatAge(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'just started';
  if (minutes < 60) return `for ${minutes} min`;
  return `for ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
