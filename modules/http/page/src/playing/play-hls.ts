import Hls from 'hls.js';
import type { Figures } from '../figures.ts';
import { codecStringName } from '../format.ts';
import { beginPlaying, ElementCounts, emptyElement } from './element-counts.ts';
import type { Playback, PlaybackListener } from './playback.ts';

/** Low-latency HLS by hls.js, or by the browser itself where it plays HLS and has no Media Source (phones of Apple). */
export function playHls(element: HTMLVideoElement, url: string, listener: PlaybackListener): Playback {
  const counts = new ElementCounts(element);
  const ending = new AbortController();
  const { signal } = ending;
  const hls = Hls.isSupported() ? openHls(url, counts, listener) : undefined;
  element.addEventListener('playing', () => listener.onPlaying(), { signal });
  element.addEventListener('waiting', () => listener.onWaiting(), { signal });
  if (hls !== undefined) hls.attachMedia(element);
  else {
    element.src = url;
    element.addEventListener('error', () => listener.onFailure({ fault: waiting, isFinal: false }), { signal });
  }
  beginPlaying(element);
  return {
    readFigures: async () => ({ ...counts.read(), ...(hls === undefined ? {} : describe(hls)) }),
    close: () => {
      ending.abort();
      counts.close();
      hls?.destroy();
      emptyElement(element);
    },
  };
}

const waiting = 'Waiting for the stream.';

function openHls(url: string, counts: ElementCounts, listener: PlaybackListener): Hls {
  const hls = new Hls({
    lowLatencyMode: true,
    enableWorker: false,
    backBufferLength: 20,
    maxLiveSyncPlaybackRate: 1.2,
  });
  hls.on(Hls.Events.FRAG_LOADED, (_event, { payload }) => counts.addBytes(payload.byteLength));
  hls.on(Hls.Events.ERROR, (_event, { fatal, type, details }) => {
    if (!fatal) return;
    const isUnplayable = details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR;
    if (type === Hls.ErrorTypes.MEDIA_ERROR && !isUnplayable) hls.recoverMediaError();
    else
      listener.onFailure({
        fault: isUnplayable ? 'This browser does not play its codecs.' : waiting,
        isFinal: isUnplayable,
      });
  });
  hls.loadSource(url);
  return hls;
}

function describe(hls: Hls): Figures {
  const level = hls.levels[Math.max(0, hls.currentLevel)];
  return {
    latency: hls.latency > 0 ? hls.latency : undefined,
    videoCodec: level?.videoCodec === undefined ? undefined : codecStringName(level.videoCodec),
    audioCodec: level?.audioCodec === undefined ? undefined : codecStringName(level.audioCodec),
  };
}
