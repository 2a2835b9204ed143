import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { type AuthHeader, readAuthHeader, readChallenges, sameDigest } from '../../wire/digest/digest.ts';
import { digestVectors } from '../vectors/digest/vectors.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260804);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2000);

/** What is read of a header is never more than stood in it. */
function sizeOf({ token, parameters }: AuthHeader): number {
  let size = token.length;
  for (const [name, value] of parameters) size += name.length + value.length;
  return size;
}

function read(text: string): void {
  const header = readAuthHeader(text);
  // A Basic token may look like a parameter as well, so its characters can count twice.
  if (header !== undefined) assert.ok(sizeOf(header) <= 2 * Math.min(text.length, 4_096));
  let all = 0;
  for (const challenge of readChallenges(text)) all += sizeOf(challenge);
  assert.ok(all <= 2 * Math.min(text.length, 4_096));
  assert.equal(sameDigest(text, text), true);
}

const words = fc.constantFrom(
  'Digest ',
  'basic ',
  'realm=',
  '"',
  '\\',
  '\\"',
  ',',
  ', ',
  '=',
  ' ',
  'nonce="a"',
  'a'.repeat(50),
);
const valid = digestVectors.flatMap(({ challenge, authorization }) => [
  challenge,
  authorization,
  `${challenge}, ${challenge}`,
]);

describe(`fuzz: authentication headers (seed ${seed})`, () => {
  it('random text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        read(text);
        read(`Digest ${text}`);
      }),
      { seed, numRuns },
    );
  });

  it('words of headers in any order', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 40 }), (parts) => read(parts.join(''))),
      { seed, numRuns },
    );
  });

  it('headers that were valid once', () => {
    fc.assert(
      fc.property(mutated(valid.map((text) => Buffer.from(text))), (bytes) => read(bytes.toString('latin1'))),
      { seed, numRuns },
    );
  });

  it('long headers take no long time', () => {
    for (const piece of ['Digest ', '"', '\\', 'a', 'a=', 'a="', ', ', ' ', 'a ', 'basic,']) {
      const before = process.cpuUsage().user;
      read(`Digest ${piece.repeat(100_000)}`);
      assert.ok(process.cpuUsage().user - before < 1_000_000, `${JSON.stringify(piece)} takes more than a second`);
    }
  });
});
