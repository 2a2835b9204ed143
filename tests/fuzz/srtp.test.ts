import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { nodeSrtp } from '../../wire/srtp/node-srtp.ts';
import { srtpProfiles } from '../../wire/srtp/profile.ts';
import { readCryptoLine } from '../../wire/srtp/sdes.ts';
import { roomFor, rtcpPacket, rtpPacket, testKeys } from '../vectors/srtp/contexts.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260804);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 3000);

describe(`fuzz: SRTP (seed ${seed})`, () => {
  for (const { name } of srtpProfiles) {
    it(`${name}: nothing but what was protected is opened`, () => {
      const sender = nodeSrtp.openSender(testKeys(name));
      const receiver = nodeSrtp.openReceiver(testKeys(name));
      const rtp = [1, 2, 3].map((index) => {
        const plain = rtpPacket(7, index, index * 30);
        const bytes = roomFor(plain, sender.rtpOverhead);
        sender.protectRtp(bytes, plain.length);
        return bytes;
      });
      const rtcp = [1, 2, 3].map((mark) => {
        const plain = rtcpPacket(7, mark);
        const bytes = roomFor(plain, sender.rtcpOverhead);
        sender.protectRtcp(bytes, plain.length);
        return bytes;
      });
      const known = new Set([...rtp, ...rtcp].map((bytes) => bytes.toString('hex')));
      const input = fc.oneof(
        mutated([...rtp, ...rtcp]),
        fc.uint8Array({ maxLength: 100 }).map((a) => Buffer.from(a)),
      );
      fc.assert(
        fc.property(input, (bytes) => {
          const genuine = known.has(bytes.toString('hex'));
          for (const open of [receiver.unprotectRtp, receiver.unprotectRtcp]) {
            const given = Buffer.from(bytes);
            const length = open.call(receiver, given);
            assert.ok(length < bytes.length);
            if (length >= 0) assert.ok(genuine, bytes.toString('hex'));
            else assert.deepEqual(given, bytes);
          }
          sender.protectRtp(Buffer.concat([bytes, Buffer.alloc(32)]), bytes.length);
          sender.protectRtcp(Buffer.concat([bytes, Buffer.alloc(32)]), bytes.length);
        }),
        { seed, numRuns },
      );
    });
  }

  it('SDES lines', () => {
    const valid = ['1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20 WSH=64'];
    const text = fc.oneof(
      fc.string({ maxLength: 600 }),
      mutated(valid.map((line) => Buffer.from(line))).map((bytes) => bytes.toString('latin1')),
    );
    fc.assert(
      fc.property(text, (line) => {
        try {
          readCryptoLine(line);
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
        }
      }),
      { seed, numRuns },
    );
  });
});
