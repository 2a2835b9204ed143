import type { MediaPlaylist, MultivariantPlaylist } from './playlist.ts';
import { playlistLines } from './playlist-lines.ts';
import { mediaPlaylistOf } from './read-media.ts';
import { multivariantPlaylistOf } from './read-multivariant.ts';

export type Playlist =
  | { readonly kind: 'media'; readonly playlist: MediaPlaylist }
  | { readonly kind: 'multivariant'; readonly playlist: MultivariantPlaylist };

/** Reads a playlist of either kind: one that names variants or renditions is a multivariant one. Throws WireError. */
export function readPlaylist(text: string): Playlist {
  const lines = playlistLines(text);
  for (const { tag } of lines) {
    if (tag === 'EXT-X-STREAM-INF' || tag === 'EXT-X-MEDIA') {
      return { kind: 'multivariant', playlist: multivariantPlaylistOf(lines) };
    }
  }
  return { kind: 'media', playlist: mediaPlaylistOf(lines) };
}
