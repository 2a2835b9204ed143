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
  pcmu: 'G.711 µ-law',
  pcma: 'G.711 A-law',
  g722: 'G.722',
};

/** By the beginning of a codec string (RFC 6381). */
const codecStrings: readonly (readonly [RegExp, string])[] = [
  [/^avc[13]/, 'h264'],
  [/^h(vc|ev)1/, 'h265'],
  [/^vp0?9/, 'vp9'],
  [/^av01/, 'av1'],
  [/^mp4a\.(40\.34|6b|69)/i, 'mp3'],
  [/^mp4a/, 'aac'],
];

export function codecName(codec: string): string {
  return codecNames[codec] ?? codec.toUpperCase();
}

/** `H.264` of `avc1.64001f` */
export function codecStringName(codec: string): string {
  return codecName(codecStrings.find(([pattern]) => pattern.test(codec))?.[1] ?? codec.toLowerCase());
}

/** `H.264` of `video/H264` */
export function mimeName(mimeType: string): string {
  return codecName((mimeType.split('/')[1] ?? mimeType).toLowerCase());
}

/** `2.1 Mbit/s` */
export function formatBitrate(bits: number): string {
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bits / 1e3)} kbit/s`;
}

/** `1280 × 720` */
export function formatSize({ width, height }: { readonly width: number; readonly height: number }): string {
  return `${width} × ${height}`;
}

/** `85 ms`, `1.4 s` */
export function formatDelay(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1_000)} ms` : `${seconds.toFixed(1)} s`;
}

/** `0 %`, `0.3 %`, `12 %` */
export function formatShare(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
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
