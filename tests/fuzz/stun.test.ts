import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { addressBytes, canonicalAddress } from '../../wire/stun/address.ts';
import { StunAttribute } from '../../wire/stun/attributes.ts';
import { checkFingerprint, checkIntegrity } from '../../wire/stun/integrity.ts';
import { readStunMessage, StunMessage } from '../../wire/stun/message.ts';
import { stunVectors } from '../vectors/stun/vectors.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260804);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 5000);

const key = Buffer.from('VOkJxbRl1RmTxUk/WvJxBt');
const valid = Object.values(stunVectors).map(({ bytes }) => bytes);
const types = Object.values(StunAttribute);

/** One record for all runs: what an earlier message left in it must not show. */
const message = new StunMessage();

function read(bytes: Buffer): void {
  if (!readStunMessage(bytes, message)) return;
  assert.ok(message.attributeCount <= 32);
  for (const type of types) {
    const value = message.find(type);
    if (value !== undefined) assert.ok(value.length <= bytes.length - 24);
    assert.equal(message.has(type), value !== undefined);
    message.findText(type);
    message.findNumber(type);
    message.findTieBreaker(type);
    const found = message.findAddress(type);
    if (found !== undefined) assert.equal(canonicalAddress(found.address), found.address);
  }
  message.findErrorCode();
  message.unknownRequired();
  for (const hash of ['sha1', 'sha256'] as const) checkIntegrity(message, key, hash);
  checkFingerprint(message);
}

describe(`fuzz: STUN (seed ${seed})`, () => {
  it('random attributes behind a good header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(0x3fff), (tail, type) => {
        const head = Buffer.from('000000002112a442b7e7a701bc34d686fa87dfae', 'hex');
        head.writeUInt16BE(type, 0);
        head.writeUInt16BE(tail.length, 2);
        read(Buffer.concat([head, tail]));
        read(Buffer.from(tail));
      }),
      { seed, numRuns },
    );
  });

  it('messages that were valid once', () => {
    fc.assert(fc.property(mutated(valid), read), { seed, numRuns });
  });

  it('texts that are hardly addresses', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 80 }),
      fc
        .array(fc.constantFrom('::', ':', '.', '0', 'ffff', '255', '%', '1.2.3.4'), { maxLength: 12 })
        .map((a) => a.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          assert.ok([4, 16].includes(addressBytes(given).length));
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
        }
      }),
      { seed, numRuns },
    );
  });
});
