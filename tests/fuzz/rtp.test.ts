import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { findExtension, findExtensionNumber, listExtensions } from '../../wire/rtp/extensions.ts';
import { classifyDatagram, RtpPacket, readRtpPacket } from '../../wire/rtp/packet.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260804);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 5000);

const valid = [
  'b2e0123489abcdefcafebabe0000000100000002bede000110aa00000102030405000003',
  '90e0123489abcdefcafebabebede000310aa21bbcc000033dddddddd0055',
  '90e0123489abcdefcafebabe100f000301000201bb00c804dddddddd0055',
].map((text) => Buffer.from(text, 'hex'));

/** One record for all runs: what an earlier packet left in it must not show. */
const packet = new RtpPacket();

function read(bytes: Buffer): void {
  classifyDatagram(bytes);
  if (!readRtpPacket(bytes, packet)) return;
  assert.ok(packet.payloadStart >= 12 && packet.payloadStart <= packet.payloadEnd);
  assert.ok(packet.payloadEnd <= bytes.length);
  for (let i = 0; i < packet.csrcCount; i += 1) assert.notEqual(packet.findCsrc(i), undefined);
  const extensions = listExtensions(packet);
  const held = extensions.reduce((sum, { value }) => sum + value.length + 1, 0);
  assert.ok(held <= packet.extensionEnd - packet.extensionStart);
  for (const { id } of extensions) {
    const first = extensions.find((extension) => extension.id === id);
    assert.deepEqual(findExtension(packet, id), first?.value);
    findExtensionNumber(packet, id, 4);
  }
}

describe(`fuzz: RTP (seed ${seed})`, () => {
  it('headers of random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(0x80, 0x90, 0xb1, 0xa0), (tail, first) => {
        read(Buffer.from(tail));
        read(Buffer.concat([Buffer.of(first), tail]));
      }),
      { seed, numRuns },
    );
  });

  it('headers that were valid once', () => {
    fc.assert(fc.property(mutated(valid), read), { seed, numRuns });
  });
});
