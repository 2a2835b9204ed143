import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { SrtpRefusal } from '../../wire/srtp/contract.ts';
import { nodeSrtp } from '../../wire/srtp/node-srtp.ts';
import { estimateIndex, ReplayWindow } from '../../wire/srtp/packet-index.ts';
import { srtpProfiles } from '../../wire/srtp/profile.ts';
import { readCryptoLine, writeCryptoLine } from '../../wire/srtp/sdes.ts';
import { openWasmSrtp } from '../../wire/srtp/wasm-srtp.ts';
import { roomFor, rtpPacket, testKeys } from '../vectors/srtp/contexts.ts';

const profiles = fc.constantFrom(...srtpProfiles.map(({ name }) => name));

describe('property: SRTP', () => {
  it('what arrives is what was sent, under loss, reordering, duplication and wrap', () => {
    const fate = fc.record({ lost: fc.nat(9), delay: fc.nat(60), twice: fc.nat(9) });
    fc.assert(
      fc.property(
        profiles,
        fc.integer({ min: 0xff80, max: 0xffff }),
        fc.array(fate, { minLength: 30, maxLength: 200 }),
        fc.uint8Array({ maxLength: 40 }),
        (name, first, fates, payload) => {
          const sender = nodeSrtp.openSender(testKeys(name));
          const receiver = nodeSrtp.openReceiver(testKeys(name));
          const arriving: { at: number; plain: Buffer; bytes: Buffer }[] = [];
          fates.forEach(({ lost, delay, twice }, position) => {
            const plain = Buffer.concat([rtpPacket(5, first + position), payload]);
            const bytes = roomFor(plain, sender.rtpOverhead);
            assert.equal(sender.protectRtp(bytes, plain.length), bytes.length);
            // The first packet fixes the roll-over counter and arrives.
            if (position > 0 && lost === 0) return;
            arriving.push({ at: position === 0 ? -1 : position + delay, plain, bytes });
            if (twice === 0) arriving.push({ at: position + delay + 1, plain, bytes: Buffer.from(bytes) });
          });
          arriving.sort((a, b) => a.at - b.at);
          const seen = new Set<number>();
          for (const { plain, bytes } of arriving) {
            const length = receiver.unprotectRtp(bytes);
            const key = plain.readUInt16BE(2);
            if (seen.has(key)) {
              assert.equal(length, SrtpRefusal.replayed);
              continue;
            }
            seen.add(key);
            // At most 61 places late: inside of the window.
            assert.deepEqual(bytes.subarray(0, length), plain);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('WebAssembly makes of any batch what node:crypto makes of it, refusals included', () => {
    const wasm = openWasmSrtp() ?? assert.fail('no WebAssembly here');
    const batches = [wasm, nodeSrtp].map((protector) => protector.openBatch(40, 100_000));
    const packet = fc.record({
      sender: fc.nat(2),
      ssrc: fc.nat(1),
      sequence: fc.integer({ min: 0xfff0, max: 0x1_0010 }),
      // The first byte tells of sources and extension, most of which are not there.
      first: fc.oneof(fc.constant(0x80), fc.nat(255)),
      payload: fc.uint8Array({ maxLength: 1_500 }),
    });
    fc.assert(
      fc.property(profiles, fc.array(packet, { maxLength: 40 }), (name, packets) => {
        const results = [wasm, nodeSrtp].map((protector, which) => {
          const batch = batches[which] ?? assert.fail();
          batch.clear();
          const senders = ['a', 'b', 'c'].map((label) => protector.openSender(testKeys(name, label)));
          for (const { sender, ssrc, sequence, first, payload } of packets) {
            const plain = Buffer.concat([rtpPacket(ssrc, sequence, 0), payload]);
            plain[0] = first;
            plain.copy(batch.memory, batch.add(senders[sender] ?? assert.fail(), plain.length));
          }
          protector.protect(batch);
          return packets.map((_, index) => batch.find(index)?.toString('hex') ?? batch.lengths[index]);
        });
        assert.deepEqual(results[0], results[1]);
      }),
      { numRuns: 100 },
    );
  });

  it('an index is found again from its low bits, when it is near the highest', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 30), fc.integer({ min: -32767, max: 32767 }), (highest, distance) => {
        const index = highest + distance;
        if (index >= 0) assert.equal(estimateIndex(highest, index % 0x1_0000), index);
      }),
    );
  });

  it('a replay window agrees with a set', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -140, max: 200 }), { maxLength: 300 }), (steps) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        for (const step of steps) {
          const index = Math.max(0, window.highest + step);
          const fresh = !seen.has(index) && index > window.highest - 128;
          assert.equal(window.isFresh(index), fresh);
          if (!fresh) continue;
          window.accept(index);
          seen.add(index);
        }
      }),
    );
  });

  it('an SDES line is read as it was written', () => {
    fc.assert(
      fc.property(profiles, fc.string(), fc.nat(999_999_999), (name, label, tag) => {
        const line = { tag, keys: testKeys(name, label) };
        assert.deepEqual(readCryptoLine(writeCryptoLine(line)), line);
      }),
    );
  });
});
