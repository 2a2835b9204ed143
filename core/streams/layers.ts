import { satisfies } from '../media/codec-target.ts';
import type { CodecDescriptor } from '../media/codecs/codec-descriptor.ts';
import { seconds, ZERO } from '../time/micros.ts';
import type { TrackWish } from './requests.ts';
import type { Stream } from './stream.ts';
import type { MediaKind, Track } from './track.ts';

/*
 * Layers: the same medium in several sizes, from a publisher that makes them itself. Each is a track of its own beside the
 * published one, which always carries the best of them. Wishes see them only where the reader goes among them by itself
 * (`TrackWish.layered`): who adapts to a viewer's bandwidth binds one after the other.
 */

/** A layer that is so far behind the published track has stopped: a browser stops layers for want of bandwidth or processor. */
const silence = seconds(2);
/** A layer within so much of the bit rate that was asked for has it. */
const tolerance = 1.1;

/** The id of the track that carries a layer of `kind`. */
export function layerId(kind: MediaKind, name: string): string {
  return `${kind}.${name}`;
}

export function isLayer(track: Track): boolean {
  return track.id.startsWith(`${track.kind}.`);
}

/** The layers of a stream, in the order in which they appeared. */
export function layersOf(stream: Stream, kind: MediaKind): readonly Track[] {
  return stream.tracks.filter((track) => track.kind === kind && isLayer(track));
}

/** Whether something comes on a layer, beside what is published. A new one begins at once. */
export function isComing(layer: Track, published: Track): boolean {
  return layer.lastDts === undefined || (published.lastDts ?? 0) - layer.lastDts < silence;
}

/** Whether a layer is in a form that the wish takes, whatever its size and bit rate. */
export function isLayerOf(codec: CodecDescriptor, wish: TrackWish): boolean {
  if (wish.layered !== true || wish.profile !== undefined) return false;
  return wish.accepts.some(({ width: _, height: __, bitrate: ___, ...target }) => satisfies(codec, target));
}

/**
 * Of layers, those that the wish allows, in their order; never none of some. A wished size allows up to the smallest that is not
 * smaller, or all when all are smaller; a wished bit rate those that keep it. `rateOf` gives bits a second.
 */
export function layersWithin(
  layers: readonly Track[],
  wish: TrackWish,
  rateOf: (layer: Track) => number,
): readonly Track[] {
  const { width = 0, height = 0, bitrate = Infinity } = wish.accepts[0] ?? {};
  let most = Infinity;
  for (const { codec } of layers) {
    if (codec.kind !== 'video' || codec.width < width || codec.height < height) continue;
    if (width > 0 || height > 0) most = Math.min(most, codec.width * codec.height);
  }
  const fitting = layers.filter(({ codec }) => codec.kind !== 'video' || codec.width * codec.height <= most);
  const kept = fitting.filter((layer) => rateOf(layer) <= bitrate * tolerance);
  if (kept.length > 0) return kept;
  const [smallest] = [...fitting].sort((a, b) => rateOf(a) - rateOf(b));
  return smallest === undefined ? [] : [smallest];
}

/** The best layer that the wish allows, where the stream has layers and the wish goes among them. */
export function findWishedLayer(stream: Stream, published: Track, wish: TrackWish): Track | undefined {
  const layers = layersOf(stream, published.kind).filter(
    (layer) => isLayerOf(layer.codec, wish) && isComing(layer, published),
  );
  const allowed = layersWithin(layers, wish, averageRate);
  return [...allowed].sort((a, b) => sizeOf(b) - sizeOf(a) || averageRate(b) - averageRate(a))[0];
}

function sizeOf({ codec }: Track): number {
  return codec.kind === 'video' ? codec.width * codec.height : 0;
}

/** Bits a second since the stream began. */
function averageRate({ counters, lastDts = ZERO }: Track): number {
  return lastDts > 0 ? (counters.bytes * 8e6) / lastDts : 0;
}
