import { deepEqual, equal } from 'node:assert/strict';
import type { MediaPlaylist, MultivariantPlaylist } from '../../../../wire/m3u8/playlist.ts';
import { readPlaylist } from '../../../../wire/m3u8/read-playlist.ts';
import { writeMediaPlaylist } from '../../../../wire/m3u8/write-media.ts';
import { writeMultivariantPlaylist } from '../../../../wire/m3u8/write-multivariant.ts';
import vectors from '../../../vectors/m3u8/playlists.json' with { type: 'json' };

function write(vector: (typeof vectors)[number]): string {
  if (vector.kind === 'multivariant') return writeMultivariantPlaylist(vector.playlist as MultivariantPlaylist);
  return writeMediaPlaylist(vector.playlist as MediaPlaylist);
}

describe('m3u8 playlists of the specifications', () => {
  for (const vector of vectors) {
    for (const [name, ending] of [
      ['LF', '\n'],
      ['CRLF', '\r\n'],
    ] as const) {
      it(`reads the ${vector.name} (${name})`, () => {
        deepEqual(readPlaylist(vector.lines.join(ending)), { kind: vector.kind, playlist: vector.playlist });
      });
    }

    it(`writes the ${vector.name}`, () => {
      const text = write(vector);
      // Canonical vectors stand in our order, line by line; blank lines say nothing.
      if (vector.canonical) equal(text, `${vector.lines.filter((line) => line !== '').join('\n')}\n`);
      const again = readPlaylist(text);
      equal(again.kind, vector.kind);
      deepEqual({ ...again.playlist, version: 0 }, { ...vector.playlist, version: 0 });
    });
  }
});
