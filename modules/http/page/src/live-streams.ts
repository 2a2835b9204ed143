/** What `/api/streams` tells; its schema stands in modules/http/public-streams.ts. */
export interface LiveStreams {
  readonly streams: readonly LiveStream[];
  readonly publish: readonly Address[];
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

/** The playlist that this page can load: over TLS when the page came so. */
export function playlistOf(stream: LiveStream): string | undefined {
  const candidates = stream.urls.filter(({ protocol, url }) => protocol === 'hls' && url.includes('.m3u8'));
  return candidates.find(({ url }) => url.startsWith(`${location.protocol}//`))?.url;
}

/** The stream to open with: the one that the address names, else the demo, else the first. */
export function chooseStream(streams: readonly LiveStream[], wanted: string | undefined): LiveStream | undefined {
  const live = streams.filter(({ state }) => state !== 'ended');
  if (wanted !== undefined) return live.find(({ name }) => name === wanted);
  return live.find(({ name }) => name === 'demo') ?? live[0];
}
