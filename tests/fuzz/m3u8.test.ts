import { ok } from 'node:assert/strict';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { AttributeList } from '../../wire/m3u8/attribute-list.ts';
import { readMediaPlaylist } from '../../wire/m3u8/read-media.ts';
import { readMultivariantPlaylist } from '../../wire/m3u8/read-multivariant.ts';
import { readPlaylist } from '../../wire/m3u8/read-playlist.ts';
import vectors from '../vectors/m3u8/playlists.json' with { type: 'json' };

const seed = Number(process.env['FUZZ_SEED'] ?? 20260804);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 1500);

function tolerate(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

function readAll(text: string): void {
  tolerate(() => void readPlaylist(text));
  tolerate(() => {
    const { segments, open, preloadHints, renditionReports } = readMediaPlaylist(text);
    ok(segments.length + preloadHints.length + renditionReports.length + (open?.parts?.length ?? 0) <= text.length);
  });
  tolerate(() => {
    const { media, variants } = readMultivariantPlaylist(text);
    ok(media.length + variants.length <= text.length);
  });
}

const valid = vectors.map((vector) => vector.lines.join('\n'));
const lines = vectors.flatMap((vector) => vector.lines);
const piece = fc.oneof(
  fc.constantFrom(
    '"',
    ',',
    '=',
    ':',
    '@',
    '\n',
    '\r',
    '#',
    '-',
    '\u0000',
    '\uFEFF',
    '__proto__',
    '99999999999999999999',
  ),
  fc.constantFrom(...lines).map((line) => `\n${line}\n`),
  fc.string({ maxLength: 8 }),
);
const change = fc.record({ at: fc.nat(), cut: fc.nat({ max: 12 }), piece });

describe(`fuzz: m3u8 (seed ${seed})`, () => {
  it('random text', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(anything, (text) => {
        readAll(text);
        readAll(`#EXTM3U\n${text}`);
        tolerate(() => void new AttributeList('T', text));
      }),
      { seed, numRuns },
    );
  });

  it('lines of playlists in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...lines), { maxLength: 30 }), (some) =>
        readAll(`#EXTM3U\n${some.join('\n')}`),
      ),
      { seed, numRuns },
    );
  });

  it('playlists with a few changes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 5 }), (original, changes) => {
        let text = original;
        for (const { at, cut, piece } of changes) {
          const where = at % (text.length + 1);
          text = text.slice(0, where) + piece + text.slice(where + cut);
        }
        readAll(text);
      }),
      { seed, numRuns },
    );
  });
});
