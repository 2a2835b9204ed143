import { ok } from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { type Box, readBoxes } from '../../wire/fmp4/box-reader.ts';
import { readEsds } from '../../wire/fmp4/descriptors.ts';
import { readFragments } from '../../wire/fmp4/fragment-reader.ts';
import { readInitSegment } from '../../wire/fmp4/init-reader.ts';
import files from '../vectors/fmp4/ffmpeg.json' with { type: 'json' };

const seed = Number(process.env['FUZZ_SEED'] ?? 20260803);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 1500);

/** Runs a reader; anything but a WireError escapes and fails. */
function tolerate<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
}

function countBoxes(boxes: readonly Box[]): number {
  return boxes.reduce((sum, box) => sum + 1 + countBoxes(box.children), 0);
}

/** Every reader over the same bytes: what comes out must lie inside what went in. */
function readAll(bytes: Buffer): void {
  const boxes = tolerate(() => readBoxes(bytes));
  if (boxes !== undefined) ok(countBoxes(boxes) <= bytes.length / 8);
  const init = tolerate(() => readInitSegment(bytes));
  for (const track of init?.tracks ?? []) ok(track.config.length <= bytes.length);
  for (const fragment of tolerate(() => readFragments(bytes, init)) ?? []) {
    for (const track of fragment.tracks) {
      ok(track.samples.length <= bytes.length);
      for (const { offset, size } of track.samples) ok(offset >= 0 && offset + size <= bytes.length);
    }
  }
  tolerate(() => readEsds(bytes));
}

const valid = files.map((file) => Buffer.from(file.bytes, 'base64'));
const offset = fc.nat({ max: 0xffff });
/** Interesting words: sizes that stop a walk, counts that would fill the memory, signs. */
const word = fc.oneof(fc.constantFrom(0, 1, 7, 8, 9, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.nat());
const change = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: offset, value: fc.nat({ max: 255 }) }),
  fc.record({ kind: fc.constant('word' as const), at: offset, value: word }),
  fc.record({ kind: fc.constant('cut' as const), at: offset, value: fc.nat({ max: 64 }) }),
);

function mutate(
  original: Buffer,
  changes: readonly { kind: 'byte' | 'word' | 'cut'; at: number; value: number }[],
): Buffer {
  let bytes = Buffer.from(original);
  for (const { kind, at, value } of changes) {
    if (bytes.length < 8) break;
    // The boxes stand in the first part: most changes go there.
    const where = at % Math.min(bytes.length - 4, 1800);
    if (kind === 'byte') bytes[where] = value;
    else if (kind === 'word') bytes.writeUInt32BE(value, where);
    else bytes = Buffer.concat([bytes.subarray(0, where), bytes.subarray(where + value)]);
  }
  return bytes;
}

describe(`fuzz: fMP4 (seed ${seed})`, () => {
  it('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => readAll(Buffer.from(bytes))),
      { seed, numRuns },
    );
  });

  it('files of ffmpeg with a few changes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 5 }), (file, changes) =>
        readAll(mutate(file, changes)),
      ),
      { seed, numRuns },
    );
  });

  it('files cut off anywhere', () => {
    fc.assert(
      fc.property(fc.constantFrom(...valid), offset, (file, at) => readAll(file.subarray(0, at % file.length))),
      { seed, numRuns: Math.ceil(numRuns / 4) },
    );
  });
});
