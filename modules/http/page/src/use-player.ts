import Hls from 'hls.js';
import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export interface PlayerState {
  readonly phase: 'loading' | 'playing' | 'waiting' | 'failed';
  /** Seconds behind the live edge, when it can be told. */
  readonly latency: number | undefined;
  readonly fault: string | undefined;
}

const readMs = 500;
const retryMs = 2_000;
const beginning: PlayerState = { phase: 'loading', latency: undefined, fault: undefined };

/** Plays `url` in the video element, and tries again when the stream comes and goes. */
export function usePlayer(video: RefObject<HTMLVideoElement>, url: string | undefined): PlayerState {
  const [state, setState] = useState<PlayerState>(beginning);
  useEffect(() => {
    const element = video.current;
    setState(beginning);
    if (element === null || url === undefined) return;
    return play(element, url, (change) => setState((before) => ({ ...before, ...change })));
  }, [video, url]);
  return state;
}

function play(element: HTMLVideoElement, url: string, tell: (change: Partial<PlayerState>) => void): () => void {
  let hls: Hls | undefined;
  let retry: number | undefined;
  const open = (): void => {
    if (!Hls.isSupported()) {
      // Safari on phones plays HLS by itself.
      element.src = url;
      return;
    }
    hls?.destroy();
    hls = new Hls({ lowLatencyMode: true, enableWorker: false, backBufferLength: 20, maxLiveSyncPlaybackRate: 1.2 });
    hls.on(Hls.Events.ERROR, (_event, { fatal, type, details }) => {
      if (!fatal) return;
      if (type === Hls.ErrorTypes.MEDIA_ERROR && details !== Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
        hls?.recoverMediaError();
        return;
      }
      const unplayable = details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR;
      tell({
        phase: 'failed',
        fault: unplayable ? 'This browser does not play its codecs.' : 'Waiting for the stream.',
      });
      if (!unplayable) retry = setTimeout(open, retryMs);
    });
    hls.loadSource(url);
    hls.attachMedia(element);
  };
  const isPlaying = (): void => tell({ phase: 'playing', fault: undefined });
  const isWaiting = (): void => tell({ phase: 'waiting' });
  element.addEventListener('playing', isPlaying);
  element.addEventListener('waiting', isWaiting);
  const reading = setInterval(() => {
    const latency = hls?.latency;
    tell({ latency: latency !== undefined && latency > 0 ? latency : undefined });
  }, readMs);
  open();
  // Muted playback may begin by itself; a refusal leaves the controls to the viewer.
  element.play().catch(() => undefined);
  return () => {
    clearTimeout(retry);
    clearInterval(reading);
    element.removeEventListener('playing', isPlaying);
    element.removeEventListener('waiting', isWaiting);
    hls?.destroy();
    element.removeAttribute('src');
    element.load();
  };
}
