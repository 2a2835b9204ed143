import type { Rung } from '../../core/renditions/ladder.ts';
import { writeMultivariantPlaylist } from '../../wire/m3u8/write-multivariant.ts';
import type { Muxer } from './muxer.ts';

/** Bits a second that sound and headers add to a rung's picture. */
const besidePicture = 160_000;

/**
 * The multivariant playlist of one viewer: `query` is carried on to the media playlist. The rungs are streams of their own
 * names; what they will be coded in is known beforehand, so none is made to be listed. Throws WireError.
 */
export function renderMultivariant(muxer: Muxer, query: URLSearchParams, rungs: readonly Rung[] = []): string {
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
      ...rungs.map((rung) => ({
        uri: `../${encodeURIComponent(rung.name)}/${muxer.variant.playlist}?${query.toString()}`,
        bandwidth: Math.ceil(rung.bitrate * 1.1) + besidePicture,
        averageBandwidth: rung.bitrate + besidePicture,
        codecs: [codecStringOf(rung), layout?.audio?.codecString].filter((codec) => codec !== undefined).join(','),
        resolution: { width: rung.width, height: rung.height },
        ...(rung.frameRate === undefined ? {} : { frameRate: rung.frameRate }),
      })),
    ],
  });
}

/** RFC 6381, H.264 High at a level that is not below what an encoder takes (ISO/IEC 14496-10 table A-1). */
function codecStringOf({ width, height, frameRate = 30 }: Rung): string {
  const blocks = Math.ceil(width / 16) * Math.ceil(height / 16);
  if (blocks <= 3_600 && blocks * frameRate <= 108_000) return 'avc1.64001f';
  return blocks <= 8_192 && blocks * frameRate <= 245_760 ? 'avc1.640028' : 'avc1.640033';
}
