import { codecStringName } from '../format.ts';
import { SourceFeed } from '../media-source/source-feed.ts';
import { WcsClient } from '../media-source/wcs-client.ts';
import { beginPlaying, ElementCounts, emptyElement } from './element-counts.ts';
import type { Playback, PlaybackListener } from './playback.ts';

/** Media Source fed over WebSocket, by the client protocol. */
export function playMediaSource(
  element: HTMLVideoElement,
  settings: { readonly url: string; readonly name: string },
  listener: PlaybackListener,
): Playback {
  const counts = new ElementCounts(element);
  const ending = new AbortController();
  const { signal } = ending;
  let feed: SourceFeed | undefined;
  const fail = (fault: string, isFinal: boolean): void => {
    if (!signal.aborted) listener.onFailure({ fault, isFinal });
  };
  const client = new WcsClient(settings, {
    onAnswer: (kinds) => {
      if (feed !== undefined) return;
      feed = new SourceFeed(element, kinds, (fault) => fail(fault, false));
      beginPlaying(element);
    },
    onMedia: (message) => {
      counts.addBytes(message.byteLength);
      feed?.take(message);
    },
    onEnd: fail,
  });
  element.addEventListener('playing', () => listener.onPlaying(), { signal });
  element.addEventListener('waiting', () => listener.onWaiting(), { signal });
  return {
    readFigures: async () => {
      const [video, audio] = [feed?.codec('video'), feed?.codec('audio')];
      return {
        ...counts.read(),
        latency: feed?.latency,
        videoCodec: video === undefined ? undefined : codecStringName(video),
        audioCodec: audio === undefined ? undefined : codecStringName(audio),
      };
    },
    close: () => {
      ending.abort();
      counts.close();
      client.close();
      emptyElement(element);
      element.playbackRate = 1;
      feed?.close();
    },
  };
}
