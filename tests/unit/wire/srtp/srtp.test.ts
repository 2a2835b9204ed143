import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createSecretKey } from 'node:crypto';
import { makePacketCipher } from '../../../../wire/srtp/ciphers.ts';
import { SrtpRefusal } from '../../../../wire/srtp/contract.ts';
import { deriveKey, makeSrtpKeys, splitKeyingMaterial } from '../../../../wire/srtp/keys.ts';
import { nodeSrtp } from '../../../../wire/srtp/node-srtp.ts';
import { findSrtpProfile, srtpProfiles } from '../../../../wire/srtp/profile.ts';
import { openWasmSrtp } from '../../../../wire/srtp/wasm-srtp.ts';
import {
  profileOf,
  receiverOf,
  roomFor,
  rtcpPacket,
  rtpPacket,
  senderOf,
  testKeys,
} from '../../../vectors/srtp/contexts.ts';
import { derivation, keyStream, packetVectors, unencryptedRtcp } from '../../../vectors/srtp/vectors.ts';

const counter80 = profileOf('AES_CM_128_HMAC_SHA1_80');

describe('SRTP', () => {
  it(`derives the keys of ${derivation.origin}`, () => {
    const keys = makeSrtpKeys(counter80, derivation.masterKey, derivation.masterSalt);
    assert.deepEqual(deriveKey(keys, 0, 16), derivation.cipherKey);
    assert.deepEqual(deriveKey(keys, 1, derivation.authKey.length), derivation.authKey);
    assert.deepEqual(deriveKey(keys, 2, 14), derivation.salt);
  });

  it(`makes the key stream of ${keyStream.origin}`, () => {
    const cipher = makePacketCipher(counter80, 'rtp', {
      cipherKey: createSecretKey(keyStream.sessionKey),
      salt: keyStream.sessionSalt,
      authKey: createSecretKey(Buffer.alloc(20)),
    });
    const length = 12 + (keyStream.lateBlock + 3) * 16;
    const bytes = Buffer.alloc(length + 10);
    cipher.sealRtp(bytes, 12, length, 0);
    assert.deepEqual(bytes.subarray(12, 12 + 48), keyStream.start);
    assert.deepEqual(bytes.subarray(length - 48, length), keyStream.late);
  });

  for (const vector of packetVectors) {
    it(`${vector.profile}, ${vector.kind}: ${vector.origin}`, () => {
      const sender = senderOf(vector);
      const bytes = roomFor(vector.plain, vector.protected.length - vector.plain.length);
      const protect = vector.kind === 'rtp' ? sender.protectRtp : sender.protectRtcp;
      assert.equal(protect.call(sender, bytes, vector.plain.length), vector.protected.length);
      assert.deepEqual(bytes, vector.protected);
      const receiver = receiverOf(vector);
      const unprotect = vector.kind === 'rtp' ? receiver.unprotectRtp : receiver.unprotectRtcp;
      const length = unprotect.call(receiver, bytes);
      assert.deepEqual(bytes.subarray(0, length), vector.plain);
    });
  }

  it('knows its profiles by name and number, best first', () => {
    assert.deepEqual(
      srtpProfiles.map(({ id }) => id),
      [7, 8, 1, 2],
    );
    assert.equal(findSrtpProfile('AEAD_AES_128_GCM'), findSrtpProfile(7));
    assert.equal(findSrtpProfile(5), undefined);
  });

  it('cuts what DTLS exported by RFC 5764 4.2', () => {
    const profile = profileOf('AEAD_AES_128_GCM');
    const material = Buffer.from(Array.from({ length: 56 }, (_, index) => index));
    const client = splitKeyingMaterial(profile, material, 'client');
    assert.equal(client.send.masterKey[0], 0);
    assert.equal(client.receive.masterKey[0], 16);
    assert.equal(client.send.masterSalt[0], 32);
    assert.equal(client.receive.masterSalt[0], 44);
    const server = splitKeyingMaterial(profile, material, 'server');
    assert.deepEqual(server, { send: client.receive, receive: client.send });
    assert.throws(() => splitKeyingMaterial(profile, material.subarray(1), 'client'), { code: 'malformed' });
  });
});

for (const { name } of srtpProfiles) {
  describe(`an SRTP context of ${name}`, () => {
    const open = () => ({
      sender: nodeSrtp.openSender(testKeys(name)),
      receiver: nodeSrtp.openReceiver(testKeys(name)),
    });
    const protect = (sender: ReturnType<typeof open>['sender'], plain: Buffer): Buffer => {
      const bytes = roomFor(plain, sender.rtpOverhead);
      assert.equal(sender.protectRtp(bytes, plain.length), bytes.length);
      return bytes;
    };

    it('refuses a packet that it had, and counts it', () => {
      const { sender, receiver } = open();
      const bytes = protect(sender, rtpPacket(1, 7));
      const again = Buffer.from(bytes);
      assert.equal(receiver.unprotectRtp(bytes), 32);
      assert.equal(receiver.unprotectRtp(again), SrtpRefusal.replayed);
      assert.equal(receiver.refused.replayed, 1);
    });

    it('takes no other bit for any bit of a packet, and leaves it as it was', () => {
      const { sender, receiver } = open();
      const bytes = protect(sender, rtpPacket(1, 7));
      for (let at = 0; at < bytes.length; at += 1) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 0x04;
        const before = Buffer.from(changed);
        assert.ok(receiver.unprotectRtp(changed) < 0, `byte ${at}`);
        assert.deepEqual(changed, before);
      }
      assert.equal(receiver.unprotectRtp(bytes), 32);
    });

    it('is not moved by forged packets', () => {
      const { sender, receiver } = open();
      assert.equal(receiver.unprotectRtp(protect(sender, rtpPacket(1, 7))), 32);
      for (let index = 0; index < 0x1_0000; index += 4096) {
        const forged = Buffer.concat([rtpPacket(1, index), Buffer.alloc(16, 1)]);
        assert.ok(receiver.unprotectRtp(forged) < 0);
      }
      assert.equal(receiver.unprotectRtp(protect(sender, rtpPacket(1, 8))), 32);
    });

    it('keeps 256 sources and no more, but only those that are authentic', () => {
      const { sender, receiver } = open();
      for (let ssrc = 1000; ssrc < 2000; ssrc += 1) {
        const bytes = Buffer.concat([rtpPacket(ssrc, 1), Buffer.alloc(16, 1)]);
        assert.equal(receiver.unprotectRtp(bytes), SrtpRefusal.forged);
      }
      const late = rtpPacket(999, 1);
      for (let ssrc = 0; ssrc < 256; ssrc += 1) {
        assert.equal(receiver.unprotectRtp(protect(sender, rtpPacket(ssrc, 1))), 32);
      }
      const other = protect(nodeSrtp.openSender(testKeys(name)), late);
      assert.equal(receiver.unprotectRtp(other), SrtpRefusal.tooManySources);
      assert.equal(sender.protectRtp(roomFor(late, 16), late.length), SrtpRefusal.tooManySources);
      assert.equal(receiver.unprotectRtp(protect(sender, rtpPacket(5, 2))), 32);
    });

    it('protects a sequence number once', () => {
      const { sender } = open();
      const plain = rtpPacket(1, 7);
      protect(sender, plain);
      assert.equal(sender.protectRtp(roomFor(plain, 16), plain.length), SrtpRefusal.replayed);
    });

    it('counts roll-overs', () => {
      const { sender, receiver } = open();
      for (const index of [0xfffe, 0xffff, 0x1_0000, 0x1_0001, 0x1_8000, 0x1_ffff, 0x2_0000]) {
        const plain = rtpPacket(1, index);
        const bytes = protect(sender, plain);
        assert.deepEqual(bytes.subarray(0, receiver.unprotectRtp(bytes)), plain);
      }
    });

    it('encrypts the payload alone, behind CSRCs and extension', () => {
      const { sender, receiver } = open();
      const head = Buffer.from('91600007000000010000000100000002bede0001101122aa'.padEnd(48, '0'), 'hex');
      const plain = Buffer.concat([head, Buffer.from('payload')]);
      const bytes = protect(sender, plain);
      assert.deepEqual(bytes.subarray(0, head.length), head);
      assert.notDeepEqual(bytes.subarray(head.length, plain.length), plain.subarray(head.length));
      assert.deepEqual(bytes.subarray(0, receiver.unprotectRtp(bytes)), plain);
    });

    it('refuses what is no RTP packet', () => {
      const { sender, receiver } = open();
      const bad = ['', '80', '00'.repeat(40), `8f${'00'.repeat(29)}`, `90${'00'.repeat(13)}ffff${'00'.repeat(20)}`];
      for (const text of bad) {
        const bytes = Buffer.from(text, 'hex');
        assert.equal(receiver.unprotectRtp(bytes), SrtpRefusal.malformed);
        assert.ok(receiver.unprotectRtcp(bytes) < 0);
        assert.ok(sender.protectRtp(bytes, Math.max(bytes.length - 16, 0)) < 0);
      }
      assert.equal(sender.protectRtp(rtpPacket(1, 1), 32), SrtpRefusal.noRoom);
      assert.equal(sender.protectRtcp(rtcpPacket(1, 1), 16), SrtpRefusal.noRoom);
      assert.equal(sender.protectRtcp(rtcpPacket(1, 1), 4), SrtpRefusal.malformed);
    });

    it('carries SRTCP with an index of its own, each once', () => {
      const { sender, receiver } = open();
      const sent = [1, 2, 3].map((mark) => {
        const plain = rtcpPacket(9, mark);
        const bytes = roomFor(plain, sender.rtcpOverhead);
        assert.equal(sender.protectRtcp(bytes, plain.length), bytes.length);
        return { plain, bytes };
      });
      for (const { plain, bytes } of sent.reverse()) {
        const replay = Buffer.from(bytes);
        assert.deepEqual(bytes.subarray(0, receiver.unprotectRtcp(bytes)), plain);
        assert.equal(receiver.unprotectRtcp(replay), SrtpRefusal.replayed);
      }
      const forged = Buffer.from(sent[0]?.bytes ?? '');
      assert.ok(receiver.unprotectRtcp(forged) < 0);
    });

    it('keeps no more sources of SRTCP either', () => {
      const { sender, receiver } = open();
      for (let ssrc = 0; ssrc < 257; ssrc += 1) {
        const bytes = roomFor(rtcpPacket(ssrc, 1), sender.rtcpOverhead);
        assert.equal(sender.protectRtcp(bytes, 16), bytes.length);
        assert.equal(receiver.unprotectRtcp(bytes), ssrc < 256 ? 16 : SrtpRefusal.tooManySources);
      }
    });

    it('does not open what the other direction protected', () => {
      const { sender } = open();
      const other = nodeSrtp.openReceiver(testKeys(name, 'b'));
      assert.equal(other.unprotectRtp(protect(sender, rtpPacket(1, 1))), SrtpRefusal.forged);
    });
  });
}

describe('SRTCP without encryption', () => {
  it(`is refused: ${unencryptedRtcp.origin}`, () => {
    const vector = packetVectors.find(({ origin }) => origin === 'RFC 7714 17.1');
    assert.ok(vector);
    const receiver = receiverOf(vector);
    assert.equal(receiver.unprotectRtcp(Buffer.from(unencryptedRtcp.protected)), SrtpRefusal.unencrypted);
    assert.equal(receiver.refused.unencrypted, 1);
  });
});

for (const protector of [nodeSrtp, openWasmSrtp() ?? assert.fail('no WebAssembly here')]) {
  describe(`a batch of SRTP packets with ${protector.name}`, () => {
    it('is protected in one call, for several senders', () => {
      const names = ['AEAD_AES_128_GCM', 'AES_CM_128_HMAC_SHA1_32'] as const;
      const senders = names.map((name) => protector.openSender(testKeys(name)));
      const batch = protector.openBatch(4, 32 * 4 + 2 * 16 + 2 * 4);
      for (let round = 0; round < 3; round += 1) {
        for (const sender of senders) {
          for (const index of [1, 2]) {
            const plain = rtpPacket(1, round * 2 + index);
            const at = batch.add(sender, plain.length);
            assert.ok(at >= 0);
            plain.copy(batch.memory, at);
          }
        }
        assert.equal(batch.add(senders[0] ?? assert.fail(), 1), -1);
        protector.protect(batch);
        names.forEach((name, which) => {
          const receiver = nodeSrtp.openReceiver(testKeys(name));
          for (const index of [0, 1]) {
            const bytes = batch.find(which * 2 + index) ?? assert.fail();
            assert.deepEqual(bytes.subarray(0, receiver.unprotectRtp(bytes)), rtpPacket(1, round * 2 + index + 1));
          }
        });
        batch.clear();
      }
    });

    it('tells which packet was refused', () => {
      const sender = protector.openSender(testKeys('AEAD_AES_128_GCM'));
      const batch = protector.openBatch(2, 200);
      rtpPacket(1, 1).copy(batch.memory, batch.add(sender, 32));
      rtpPacket(1, 1).copy(batch.memory, batch.add(sender, 32));
      protector.protect(batch);
      assert.equal(batch.lengths[0], 48);
      assert.equal(batch.lengths[1], SrtpRefusal.replayed);
      assert.equal(batch.find(1), undefined);
      assert.equal(batch.find(2), undefined);
    });
  });
}
