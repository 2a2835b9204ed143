import type { Stream } from './stream.ts';
import type { MediaKind, Track } from './track.ts';

/*
 * Layers: the same medium in several sizes, from a publisher that makes them itself. Each is a track of its own beside the
 * published one, which always carries the best of them; wishes never see them. Who adapts to a viewer's bandwidth may bind one.
 */

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
