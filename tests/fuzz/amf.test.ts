import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { readAmf0All } from '../../wire/amf/amf0-reader.ts';
import { readAmf3All } from '../../wire/amf/amf3-reader.ts';
import { AmfDictionary, type AmfValue, AmfVector } from '../../wire/amf/value.ts';
import { WireError } from '../../wire/errors.ts';
import { amf0Vectors, amf3Vectors, hexBytes } from '../vectors/amf/vectors.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260801);
const settings = { seed, numRuns: Number(process.env['FUZZ_RUNS'] ?? 3000) };

/** Values in all, references walked each time: what the budget promises to bound. */
function countNodes(value: AmfValue): number {
  let children: Iterable<AmfValue> = [];
  if (value instanceof Map) children = value.values();
  else if (value instanceof AmfVector) children = value.items;
  else if (value instanceof AmfDictionary) children = value.entries.flat();
  else if (Array.isArray(value)) children = value as AmfValue[];
  let count = 1;
  for (const child of children) count += countNodes(child);
  return count;
}

function readBounded(read: (bytes: Buffer) => AmfValue[], bytes: Buffer): void {
  try {
    const nodes = read(bytes).reduce<number>((sum, value) => sum + countNodes(value), 0);
    assert.ok(nodes <= 1024, `${nodes} values`);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

function mutated(rows: typeof amf0Vectors): fc.Arbitrary<Buffer> {
  const pieces = rows.map((row) => hexBytes(row.hex));
  return fc
    .tuple(
      fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
      fc.nat(300),
    )
    .map(([parts, changes, length]) => {
      const bytes = Buffer.concat(parts).subarray(0, length);
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
      return bytes;
    });
}

/** Bytes of which many are markers and small counts, so that noise nests and refers. */
const markers = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 17 }), fc.integer({ min: 0, max: 255 })), { maxLength: 400 })
  .map((bytes) => Buffer.from(bytes));

const readers = [
  { name: 'AMF0', read: (bytes: Buffer) => readAmf0All(bytes), rows: amf0Vectors },
  { name: 'AMF3', read: (bytes: Buffer) => readAmf3All(bytes), rows: amf3Vectors },
];

for (const { name, read, rows } of readers) {
  describe(`${name} reader under fuzz (FUZZ_SEED=${seed})`, () => {
    it('throws nothing but WireError on noise, and stays within its budget', () => {
      fc.assert(
        fc.property(markers, (bytes) => readBounded(read, bytes)),
        settings,
      );
    });

    it('throws nothing but WireError on mutated values', () => {
      fc.assert(
        fc.property(mutated(rows), (bytes) => readBounded(read, bytes)),
        settings,
      );
    });
  });
}
