import { writeMultivariantPlaylist } from '../../wire/m3u8/write-multivariant.ts';
import type { Muxer } from './muxer.ts';

/** The multivariant playlist of one viewer: `query` is carried on to the media playlist. Throws WireError. */
export function renderMultivariant(muxer: Muxer, query: URLSearchParams): string {
  const layout = muxer.layout;
  const codecs = [layout?.video?.codecString, layout?.audio?.codecString].filter((codec) => codec !== undefined);
  const video = layout?.video;
  const average = Math.ceil(muxer.averageRate);
  return writeMultivariantPlaylist({
    version: 9,
    independentSegments: true,
    media: [],
    variants: [
      {
        uri: `${muxer.variant.playlist}?${query.toString()}`,
        bandwidth: Math.max(average, Math.ceil(muxer.peakRate)),
        averageBandwidth: average,
        codecs: codecs.join(','),
        ...(video === undefined ? {} : { resolution: { width: video.width, height: video.height } }),
        ...(muxer.frameRate === undefined ? {} : { frameRate: muxer.frameRate }),
      },
    ],
  });
}
