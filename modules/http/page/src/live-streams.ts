import type { Sources } from './playing/playback.ts';

/** What `/api/streams` tells; its schema stands in modules/http/public-streams.ts. */
export interface LiveStreams {
  readonly streams: readonly LiveStream[];
  readonly publish: readonly Address[];
  /** Pages, and the client protocol over WebSocket. */
  readonly open: readonly Address[];
}

export interface LiveStream {
  readonly name: string;
  readonly state: 'live' | 'interrupted' | 'ended';
  /** Unix time in ms. */
  readonly startedAt: number;
  readonly viewers: number;
  readonly video?: VideoFacts;
  readonly audio?: AudioFacts;
  readonly urls: readonly Address[];
}

export interface VideoFacts {
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Bits a second. */
  readonly bitrate: number;
}

export interface AudioFacts {
  readonly codec: string;
  /** Hz */
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitrate: number;
}

export interface Address {
  readonly protocol: string;
  readonly url: string;
}

/** Throws when the server cannot be reached or does not tell. */
export async function fetchLiveStreams(signal: AbortSignal): Promise<LiveStreams> {
  const response = await fetch('./api/streams', { signal, headers: { accept: 'application/json' } });
  if (response.status === 404) throw new Error('This server does not list its streams.');
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return (await response.json()) as LiveStreams;
}

/** Where this page can play the stream from: over TLS when the page came so. */
export function sourcesOf(stream: LiveStream, live: LiveStreams): Sources {
  const playlists = stream.urls.filter(({ protocol, url }) => protocol === 'hls' && url.includes('.m3u8'));
  const socket = location.protocol === 'https:' ? 'wss://' : 'ws://';
  const sockets = live.open.filter(({ protocol, url }) => protocol === 'websocket' && url.startsWith(socket));
  const isSignalled = stream.urls.some(({ protocol }) => protocol === 'whep');
  return {
    name: stream.name,
    // On the same port as this page, which may be seen through a proxy.
    webrtc: isSignalled && 'RTCPeerConnection' in window ? `./whep/${encodeURIComponent(stream.name)}` : undefined,
    hls: playlists.find(({ url }) => url.startsWith(`${location.protocol}//`))?.url,
    mse: 'MediaSource' in window ? sockets[0]?.url : undefined,
  };
}

/** Whether streams are taken from browsers. */
export function takesWebRtc(live: LiveStreams): boolean {
  return live.publish.some(({ protocol }) => protocol === 'whip');
}

/** This page over TLS, when the server has a port for it. */
export function securePage(live: LiveStreams): string | undefined {
  return live.open.find(({ protocol, url }) => protocol === 'http' && url.startsWith('https://'))?.url;
}

/** The stream to open with: the one that the address names, else the demo, else the first. */
export function chooseStream(streams: readonly LiveStream[], wanted: string | undefined): LiveStream | undefined {
  const live = streams.filter(({ state }) => state !== 'ended');
  if (wanted !== undefined) return live.find(({ name }) => name === wanted);
  return live.find(({ name }) => name === 'demo') ?? live[0];
}
