import type { Figures } from '../figures.ts';

/** How media comes to the page. */
export type Way = 'webrtc' | 'hls' | 'mse';

export const wayNames: Readonly<Record<Way, string>> = {
  webrtc: 'WebRTC',
  hls: 'LL-HLS',
  mse: 'MSE over WebSocket',
};

export interface Failure {
  /** For people. */
  readonly fault: string;
  /** Whether another try would end the same. */
  readonly isFinal: boolean;
}

export interface PlaybackListener {
  onPlaying(): void;
  onWaiting(): void;
  /** Called once at most; the playback is over then, and is closed by who hears it. */
  onFailure(failure: Failure): void;
}

/** One way's attempt to play one stream in one element. */
export interface Playback {
  readFigures(): Promise<Figures>;
  /** Leaves the element empty. */
  close(): void;
}

/** Where the stream is found, by way; a way without an address is not open to this page. */
export interface Sources {
  readonly name: string;
  readonly webrtc: string | undefined;
  readonly hls: string | undefined;
  readonly mse: string | undefined;
}

/** Ways in the order in which they are tried: the shortest delay first. */
export const allWays: readonly Way[] = ['webrtc', 'hls', 'mse'];

export function waysOf(sources: Sources): readonly Way[] {
  return allWays.filter((way) => sources[way] !== undefined);
}
