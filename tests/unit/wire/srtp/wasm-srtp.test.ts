import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createCipheriv, createHash } from 'node:crypto';
import { type SrtpBatch, type SrtpProtector, SrtpRefusal, type SrtpSender } from '../../../../wire/srtp/contract.ts';
import { longestPacket } from '../../../../wire/srtp/gcm-kernel.ts';
import { makeGhashTables } from '../../../../wire/srtp/ghash-tables.ts';
import { nodeSrtp } from '../../../../wire/srtp/node-srtp.ts';
import { BatchSender, openWasmSrtp } from '../../../../wire/srtp/wasm-srtp.ts';
import { contextKeysOf, profileOf, rtpPacket, testKeys } from '../../../vectors/srtp/contexts.ts';
import { packetVectors } from '../../../vectors/srtp/vectors.ts';

function add(batch: SrtpBatch, sender: SrtpSender, packet: Buffer): void {
  const at = batch.add(sender, packet.length);
  assert.ok(at >= 0, 'the batch is full');
  packet.copy(batch.memory, at);
}

/** What the other protector makes of the same packets. */
function twin(
  protector: SrtpProtector,
  batch: SrtpBatch,
  packets: readonly [SrtpSender, Buffer][],
): (Buffer | number)[] {
  batch.clear();
  for (const [sender, packet] of packets) add(batch, sender, packet);
  protector.protect(batch);
  return packets.map((_, index) => {
    const bytes = batch.find(index);
    return bytes === undefined ? (batch.lengths[index] ?? 0) : Buffer.from(bytes);
  });
}

/** Bytes that look random and depend on `label` alone. */
function noise(label: string, length: number): Buffer {
  const hash = createHash('sha256').update(label).digest();
  return createCipheriv('aes-256-ctr', hash, Buffer.alloc(16)).update(Buffer.alloc(length));
}

describe('SRTP with WebAssembly', () => {
  const wasm = openWasmSrtp() ?? assert.fail('no WebAssembly here');

  for (const vector of packetVectors.filter(({ profile, kind }) => profile.startsWith('AEAD') && kind === 'rtp')) {
    it(`${vector.profile}: ${vector.origin}`, () => {
      const sender = new BatchSender(profileOf(vector.profile), contextKeysOf(vector));
      const batch = wasm.openBatch(1, 500);
      add(batch, sender, vector.plain);
      wasm.protect(batch);
      assert.deepEqual(batch.find(0), vector.protected);
    });
  }

  it('has the first multiples of H in its tables', () => {
    const key = noise('key', 16);
    const tables = makeGhashTables(key);
    // The high half 8 is the factor 1; the row of byte 15 is the first, and H stands last in a row.
    const multiple = Array.from({ length: 16 }, (_, byte) => tables[(15 - byte) * 128 + 6 * 16 + 8]);
    assert.deepEqual(Buffer.from(multiple as number[]), key);
  });

  for (const name of ['AEAD_AES_128_GCM', 'AEAD_AES_256_GCM', 'AES_CM_128_HMAC_SHA1_80'] as const) {
    it(`protects as node:crypto does, whatever the lengths: ${name}`, () => {
      const senders = [wasm, nodeSrtp].map((one) => one.openSender(testKeys(name)));
      const batches = [wasm, nodeSrtp].map((one) => one.openBatch(64, 200_000));
      let sequence = 65_000; // rolls over
      const packetOf = (payload: number, sources: number, words: number): Buffer => {
        sequence += 1;
        const plain = Buffer.concat([
          rtpPacket(7, sequence, sources * 4),
          noise(`${sequence}`, 4 + words * 4 + payload),
        ]);
        plain[0] = 0x90 | sources;
        plain.writeUInt16BE(words, 12 + sources * 4 + 2);
        return plain;
      };
      const lengths = [
        ...Array(70).keys(),
        1_184,
        1_199,
        1_200,
        longestPacket - 16,
        longestPacket - 15,
        longestPacket + 1,
      ];
      for (let from = 0; from < lengths.length; from += 25) {
        const packets = lengths
          .slice(from, from + 25)
          .map((length, index) => packetOf(length, (from + index) % 16, (from * 3 + index) % 12));
        const [left, right] = [wasm, nodeSrtp].map((one, which) =>
          twin(
            one,
            batches[which] ?? assert.fail(),
            packets.map((packet) => [senders[which] ?? assert.fail(), packet]),
          ),
        );
        assert.deepEqual(left, right);
      }
    });
  }

  it('keeps apart what several senders put into a batch by turns', () => {
    const results = [wasm, nodeSrtp].map((one) => {
      const senders = ['a', 'b', 'c'].map((label) => one.openSender(testKeys('AEAD_AES_128_GCM', label)));
      const packets = Array.from({ length: 60 }, (_, index): [SrtpSender, Buffer] => [
        senders[(index >> (index % 3)) % 3] ?? assert.fail(),
        rtpPacket(index % 2, index, 100 + index),
      ]);
      return twin(one, one.openBatch(60, 100_000), packets);
    });
    assert.deepEqual(results[0], results[1]);
  });

  it('seals more of one sender than it has room to count blocks for', () => {
    const results = [wasm, nodeSrtp].map((one) => {
      const sender = one.openSender(testKeys('AEAD_AES_128_GCM'));
      const packets = Array.from({ length: 250 }, (_, index): [SrtpSender, Buffer] => [
        sender,
        rtpPacket(1, index, 1_200),
      ]);
      return twin(one, one.openBatch(250, 400_000), packets);
    });
    assert.deepEqual(results[0], results[1]);
  });

  it('refuses one packet among others', () => {
    const sender = wasm.openSender(testKeys('AEAD_AES_128_GCM'));
    const noRtp = Buffer.alloc(30, 0xff);
    const header = Buffer.from(rtpPacket(1, 9));
    header[0] = 0x9f; // more sources and an extension than there are bytes
    const packets = [rtpPacket(1, 1), noRtp, rtpPacket(1, 1), header, rtpPacket(1, 2)];
    const sealed = twin(
      wasm,
      wasm.openBatch(8, 1_000),
      packets.map((packet) => [sender, packet]),
    );
    assert.deepEqual(
      sealed.map((one) => (typeof one === 'number' ? one : 'sealed')),
      ['sealed', SrtpRefusal.malformed, SrtpRefusal.replayed, SrtpRefusal.malformed, 'sealed'],
    );
    const receiver = nodeSrtp.openReceiver(testKeys('AEAD_AES_128_GCM'));
    const last = sealed[4] as Buffer;
    assert.deepEqual(last.subarray(0, receiver.unprotectRtp(last)), rtpPacket(1, 2));
  });

  it('has one count of packets, whether they are sealed one by one or together', () => {
    const sender = wasm.openSender(testKeys('AEAD_AES_128_GCM'));
    const batch = wasm.openBatch(2, 200);
    const bytes = Buffer.concat([rtpPacket(1, 1), Buffer.alloc(16)]);
    assert.equal(sender.protectRtp(bytes, 32), 48);
    add(batch, sender, rtpPacket(1, 1));
    wasm.protect(batch);
    assert.equal(batch.lengths[0], SrtpRefusal.replayed);
  });

  it('protects in the memory of another as well', () => {
    const sender = wasm.openSender(testKeys('AEAD_AES_128_GCM'));
    const other = nodeSrtp.openSender(testKeys('AEAD_AES_128_GCM'));
    const batch = nodeSrtp.openBatch(1, 100);
    assert.deepEqual(twin(wasm, batch, [[sender, rtpPacket(1, 1)]]), twin(nodeSrtp, batch, [[other, rtpPacket(1, 1)]]));
  });
});
