import type { IncomingHttpHeaders } from 'node:http';
import { type Static, Type } from '@sinclair/typebox';
import type { Core } from '../../core/core.ts';
import { addressed } from '../../core/modules/addresses.ts';
import type { AdvertisedUrl } from '../../core/modules/module.ts';
import { ServerControl } from '../../core/modules/server-control.ts';
import type { Stream } from '../../core/streams/stream.ts';
import { hostOf } from './origin.ts';
import type { RateMeter } from './streams.ts';

const Url = Type.Object({ protocol: Type.String(), url: Type.String() });
const Video = Type.Object({
  codec: Type.String({ description: 'h264, h265, vp8, vp9, av1' }),
  codecString: Type.String({ description: 'RFC 6381' }),
  width: Type.Integer(),
  height: Type.Integer(),
  frameRate: Type.Number(),
  bitrate: Type.Integer({ description: 'Bits a second.' }),
});
const Audio = Type.Object({
  codec: Type.String(),
  codecString: Type.String(),
  sampleRate: Type.Integer({ description: 'Hz' }),
  channels: Type.Integer(),
  bitrate: Type.Integer({ description: 'Bits a second.' }),
});
const PublicStream = Type.Object({
  name: Type.String(),
  state: Type.String({ description: 'live or interrupted' }),
  startedAt: Type.Integer({ description: 'Unix time in ms.' }),
  viewers: Type.Integer(),
  video: Type.Optional(Video),
  audio: Type.Optional(Audio),
  urls: Type.Array(Url, { description: 'Where it can be played.' }),
});

/** What the page is made of: what is live, where one can publish, and what else is open to it. */
export const PublicStreams = Type.Object({
  streams: Type.Array(PublicStream),
  publish: Type.Array(Url, { description: 'Where one can publish; NAME stands for the name.' }),
  open: Type.Array(Url, { description: 'This page, and the client protocol over WebSocket, with and without TLS.' }),
});
export type PublicStreams = Static<typeof PublicStreams>;
type PublicStream = Static<typeof PublicStream>;

const mostStreams = 1_000;
/** What the page makes use of; of the rest strangers need not know. */
const openProtocols = new Set(['http', 'websocket']);

/** Lists the live streams with addresses as the asking peer reaches this host. */
export function listStreams(core: Core, rates: RateMeter, headers: IncomingHttpHeaders): PublicStreams {
  const host = hostOf(headers) ?? 'localhost';
  const urls = core.services.find(ServerControl)?.urls() ?? [];
  const play = urls.filter(({ direction }) => direction === 'play');
  const streams: PublicStream[] = [];
  for (const stream of core.streams.all()) {
    if (streams.length >= mostStreams) break;
    // A name that is a URI may carry credentials of its source.
    if (!stream.name.includes('://')) streams.push(describe(stream, rates, play, host));
  }
  streams.sort((a, b) => (a.name < b.name ? -1 : 1));
  const tell = ({ protocol, url }: AdvertisedUrl) => ({ protocol, url: addressed(url, host) });
  const publish = urls.filter(({ direction }) => direction === 'publish').map(tell);
  const open = urls.filter(({ direction, protocol }) => direction === 'open' && openProtocols.has(protocol)).map(tell);
  return { streams, publish, open };
}

function describe(stream: Stream, rates: RateMeter, play: readonly AdvertisedUrl[], host: string): PublicStream {
  const video = stream.findTrack('video');
  const audio = stream.findTrack('audio');
  const name = encodeURIComponent(stream.name);
  return {
    name: stream.name,
    state: stream.state,
    startedAt: Math.round(stream.startedAt / 1_000),
    viewers: stream.viewers,
    ...(video?.codec.kind === 'video' && {
      video: {
        codec: video.codec.name,
        codecString: video.codec.codecString,
        width: video.codec.width,
        height: video.codec.height,
        frameRate: Math.round(rates.measure(video).unitRate * 10) / 10,
        bitrate: rates.measure(video).bitrate,
      },
    }),
    ...(audio?.codec.kind === 'audio' && {
      audio: {
        codec: audio.codec.name,
        codecString: audio.codec.codecString,
        sampleRate: audio.codec.sampleRate,
        channels: audio.codec.channels,
        bitrate: rates.measure(audio).bitrate,
      },
    }),
    urls: play.map(({ protocol, url }) => ({
      protocol,
      url: addressed(url, host).replaceAll('NAME', () => name),
    })),
  };
}
