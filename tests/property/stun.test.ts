import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { canonicalAddress } from '../../wire/stun/address.ts';
import { StunAttribute } from '../../wire/stun/attributes.ts';
import { checkFingerprint, checkIntegrity, shortTermKey } from '../../wire/stun/integrity.ts';
import { readStunMessage, StunMessage, stunClasses } from '../../wire/stun/message.ts';
import { StunWriter } from '../../wire/stun/writer.ts';

const addresses = fc.oneof(fc.ipV4(), fc.ipV6());

describe('property: STUN', () => {
  it('what is written is read the same and passes its checks', () => {
    fc.assert(
      fc.property(
        fc.record({
          messageClass: fc.constantFrom(...stunClasses),
          method: fc.nat(0xfff),
          transaction: fc.uint8Array({ minLength: 12, maxLength: 12 }),
          address: addresses,
          port: fc.nat(0xffff),
          priority: fc.integer({ min: 0, max: 0xffff_ffff }),
          tie: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          username: fc.string({ unit: 'binary', maxLength: 60 }),
          password: fc.string({ maxLength: 40 }),
        }),
        (given) => {
          const key = shortTermKey(given.password);
          const bytes = new StunWriter(given.messageClass, given.method, given.transaction, 600)
            .text(StunAttribute.username, given.username)
            .number(StunAttribute.priority, given.priority)
            .tieBreaker(StunAttribute.iceControlling, given.tie)
            .xorAddress(StunAttribute.xorMappedAddress, given)
            .integrity(key)
            .integritySha256(key)
            .fingerprint()
            .finish();
          const message = new StunMessage();
          assert.ok(readStunMessage(bytes, message));
          assert.equal(message.messageClass, given.messageClass);
          assert.equal(message.method, given.method);
          assert.deepEqual(message.transaction, Buffer.from(given.transaction));
          assert.equal(message.findText(StunAttribute.username), given.username);
          assert.equal(message.findNumber(StunAttribute.priority), given.priority);
          assert.equal(message.findTieBreaker(StunAttribute.iceControlling), given.tie);
          const address = canonicalAddress(given.address);
          assert.deepEqual(message.findAddress(StunAttribute.xorMappedAddress), { address, port: given.port });
          assert.equal(checkIntegrity(message, key), 'good');
          assert.equal(checkIntegrity(message, key, 'sha256'), 'good');
          assert.equal(checkFingerprint(message), 'good');
        },
      ),
    );
  });

  it('an address has one text', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const text = canonicalAddress(address);
        assert.notEqual(isIP(text), 0);
        assert.equal(canonicalAddress(text), text);
        // What the platform takes for the same address must get the same text. URL writes mapped ones in hexadecimal.
        if (address.includes(':') && text.includes(':'))
          assert.equal(`[${text}]`, new URL(`http://[${address}]`).hostname);
      }),
    );
  });
});
