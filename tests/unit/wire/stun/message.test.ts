import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createSecretKey } from 'node:crypto';
import { addressBytes, canonicalAddress } from '../../../../wire/stun/address.ts';
import { StunAttribute, StunErrorCode, StunMethod } from '../../../../wire/stun/attributes.ts';
import { checkFingerprint, checkIntegrity, longTermKey, shortTermKey } from '../../../../wire/stun/integrity.ts';
import { readStunMessage, StunMessage, stunClasses } from '../../../../wire/stun/message.ts';
import { StunWriter } from '../../../../wire/stun/writer.ts';
import { stunVectors } from '../../../vectors/stun/vectors.ts';

function read(bytes: Buffer): StunMessage {
  const message = new StunMessage();
  assert.ok(readStunMessage(bytes, message));
  return message;
}

function refused(bytes: Buffer): boolean {
  return !readStunMessage(bytes, new StunMessage());
}

const transaction = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex');
const password = shortTermKey('VOkJxbRl1RmTxUk/WvJxBt');

/** A binding request with the given attributes, as hexadecimal text. */
function request(attributes: string): Buffer {
  const body = Buffer.from(attributes.replace(/\s/g, ''), 'hex');
  const head = Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex');
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

describe('a STUN message', () => {
  it(`of ${stunVectors.request.origin} is read`, () => {
    const message = read(stunVectors.request.bytes);
    assert.equal(message.messageClass, 'request');
    assert.equal(message.method, StunMethod.binding);
    assert.deepEqual(message.transaction, transaction);
    assert.equal(message.findText(StunAttribute.software), 'STUN test client');
    assert.equal(message.findNumber(StunAttribute.priority), 0x6e0001ff);
    assert.equal(message.findTieBreaker(StunAttribute.iceControlled), 0x932ff9b151263b36n);
    assert.equal(message.findText(StunAttribute.username), 'evtj:h6vY');
    assert.equal(checkIntegrity(message, password), 'good');
    assert.equal(checkIntegrity(message, createSecretKey(password)), 'good');
    assert.equal(checkIntegrity(message, shortTermKey('other')), 'bad');
    assert.equal(checkIntegrity(message, password, 'sha256'), 'absent');
    assert.equal(checkFingerprint(message), 'good');
    assert.deepEqual(message.unknownRequired(), []);
  });

  for (const vector of [stunVectors.responseV4, stunVectors.responseV6]) {
    it(`of ${vector.origin} is read`, () => {
      const message = read(vector.bytes);
      assert.equal(message.messageClass, 'success');
      assert.deepEqual(message.findAddress(StunAttribute.xorMappedAddress), vector.mapped);
      assert.equal(checkIntegrity(message, shortTermKey(vector.password)), 'good');
      assert.equal(checkFingerprint(message), 'good');
    });
    it(`of ${vector.origin} is written, but for the padding`, () => {
      const written = new StunWriter('success', StunMethod.binding, transaction)
        .text(StunAttribute.software, 'test vector')
        .xorAddress(StunAttribute.xorMappedAddress, vector.mapped)
        .integrity(password)
        .fingerprint()
        .finish();
      const attribute = vector.bytes.indexOf(Buffer.from('0020', 'hex'));
      assert.deepEqual(written.subarray(attribute, -32), vector.bytes.subarray(attribute, -32));
      assert.equal(checkIntegrity(read(written), password), 'good');
      assert.equal(checkFingerprint(read(written)), 'good');
    });
  }

  it(`of ${stunVectors.longTerm.origin} is read and written`, () => {
    const { user, nonce, bytes } = stunVectors.longTerm;
    assert.equal(checkIntegrity(read(bytes), longTermKey(user)), 'good');
    const written = new StunWriter('request', StunMethod.binding, read(bytes).transaction)
      .text(StunAttribute.username, user.name)
      .text(StunAttribute.nonce, nonce)
      .text(StunAttribute.realm, user.realm)
      .integrity(longTermKey(user))
      .finish();
    assert.deepEqual(written, bytes);
  });

  it(`of ${stunVectors.longTermSha256.origin} is read and written`, () => {
    const { user, bytes } = stunVectors.longTermSha256;
    const message = read(bytes);
    const key = longTermKey(user, 'sha256');
    assert.equal(checkIntegrity(message, key, 'sha256'), 'good');
    assert.equal(checkIntegrity(message, longTermKey(user), 'sha256'), 'bad');
    const userHash = message.find(StunAttribute.userHash);
    assert.ok(userHash);
    const written = new StunWriter('request', StunMethod.binding, message.transaction)
      .bytes(StunAttribute.userHash, userHash)
      .text(StunAttribute.nonce, stunVectors.longTermSha256.nonce)
      .text(StunAttribute.realm, user.realm)
      .number(StunAttribute.passwordAlgorithm, 0x0002_0000)
      .integritySha256(key)
      .finish();
    assert.deepEqual(written, bytes);
  });

  it('has its class and method spread over the type', () => {
    for (const messageClass of stunClasses) {
      for (const method of [...Object.values(StunMethod), 0xfff, 0x080, 0x010]) {
        const message = read(new StunWriter(messageClass, method, transaction).finish());
        assert.deepEqual([message.messageClass, message.method], [messageClass, method]);
      }
    }
    assert.equal(new StunWriter('error', StunMethod.allocate, transaction).finish().readUInt16BE(0), 0x0113);
  });

  it('carries what ICE and TURN need', () => {
    const message = read(
      new StunWriter('error', StunMethod.binding, transaction)
        .errorCode(StunErrorCode.roleConflict, 'Role Conflict')
        .unknownAttributes([0x7001, 0x7002, 0x7003])
        .bytes(StunAttribute.useCandidate)
        .tieBreaker(StunAttribute.iceControlling, 2n ** 64n - 1n)
        .finish(),
    );
    assert.deepEqual(message.findErrorCode(), { code: 487, reason: 'Role Conflict' });
    assert.equal(message.find(StunAttribute.unknownAttributes)?.toString('hex'), '700170027003');
    assert.ok(message.has(StunAttribute.useCandidate));
    assert.equal(message.findTieBreaker(StunAttribute.iceControlling), 2n ** 64n - 1n);
    assert.equal(message.findTieBreaker(StunAttribute.iceControlled), undefined);
  });
});

describe('a hostile STUN message', () => {
  it('is refused when an attribute ends behind the message', () => {
    assert.ok(refused(request('00060005 61626364')));
    assert.ok(refused(request('0006ffff 61626364')));
    assert.ok(refused(request('0006')));
  });

  it('is refused when its length is not that of the datagram, or odd', () => {
    const { bytes } = stunVectors.request;
    assert.ok(refused(bytes.subarray(0, -4)));
    assert.ok(refused(Buffer.concat([bytes, Buffer.alloc(4)])));
    const odd = Buffer.concat([request(''), Buffer.alloc(2)]);
    odd.writeUInt16BE(2, 2);
    assert.ok(refused(odd));
  });

  it('is refused without cookie, with another first byte, or too short', () => {
    const { bytes } = stunVectors.request;
    const classic = Buffer.from(bytes);
    classic[4] = 0;
    assert.ok(refused(classic));
    const channel = Buffer.from(bytes);
    channel[0] = 0x40;
    assert.ok(refused(channel));
    assert.ok(refused(bytes.subarray(0, 19)));
    assert.ok(refused(Buffer.alloc(0)));
  });

  it('has no address in an XOR-MAPPED-ADDRESS without bytes, of another family, or cut', () => {
    for (const attribute of [
      '00200000',
      '00200004 00010000',
      '00200008 00030000 01020304',
      '00200008 00020000 01020304',
    ]) {
      assert.equal(read(request(attribute)).findAddress(StunAttribute.xorMappedAddress), undefined);
    }
  });

  it('may not carry more than 32 attributes', () => {
    assert.equal(read(request('80220000'.repeat(32))).attributeCount, 32);
    assert.ok(refused(request('80220000'.repeat(33))));
  });

  it('is not believed behind MESSAGE-INTEGRITY', () => {
    const signed = new StunWriter('request', StunMethod.binding, transaction).integrity(password).finish();
    const extended = Buffer.concat([signed, Buffer.from('0025000000240004ffffffff', 'hex')]);
    extended.writeUInt16BE(extended.length - 20, 2);
    const message = read(extended);
    assert.equal(checkIntegrity(message, password), 'good');
    assert.equal(message.has(StunAttribute.useCandidate), false);
    assert.equal(message.findNumber(StunAttribute.priority), undefined);
  });

  it('is refused when FINGERPRINT is not the last attribute', () => {
    assert.ok(refused(request('80280004 00000000 00250000')));
  });

  it('fails its checks when a single bit has changed', () => {
    const { bytes } = stunVectors.request;
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const message = new StunMessage();
      if (!readStunMessage(changed, message)) continue;
      assert.notEqual(checkFingerprint(message), 'good', `byte ${at}`);
      // What stands behind MESSAGE-INTEGRITY is not in it.
      if (at < bytes.length - 8) assert.notEqual(checkIntegrity(message, password), 'good', `byte ${at}`);
    }
  });

  it('with a short digest or fingerprint is bad, not an error', () => {
    assert.equal(checkIntegrity(read(request('00080004 00000000')), password), 'bad');
    assert.equal(checkIntegrity(read(request('001c000c 000000000000000000000000')), password, 'sha256'), 'bad');
    assert.equal(checkFingerprint(read(request('80280000'))), 'bad');
    assert.equal(checkFingerprint(read(request(''))), 'absent');
  });

  it('tells which unknown attributes forbid an answer', () => {
    assert.deepEqual(read(request('70010000 f0010000 70010000 70020000')).unknownRequired(), [0x7001, 0x7002]);
  });
});

describe('a STUN writer', () => {
  it('refuses what does not fit', () => {
    const writer = new StunWriter('success', StunMethod.binding, transaction, 28);
    assert.throws(() => writer.text(StunAttribute.software, 'too long'), { name: 'WireError', code: 'too-large' });
    assert.throws(() => new StunWriter('success', 1, Buffer.alloc(11)), { code: 'malformed' });
  });
});

describe('an IP address', () => {
  for (const [given, canonical] of [
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:0a00:1', '10.0.0.1'],
    ['0:0:0:0:0:ffff:7f00:1', '127.0.0.1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['1::', '1::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ] as const) {
    it(`${given} is ${canonical}`, () => assert.equal(canonicalAddress(given), canonical));
  }

  for (const text of [
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1::2::3',
    '1:2:3:4:5:6:7',
    ':1',
    '12345::',
    '::1.2.3',
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => assert.throws(() => addressBytes(text), { code: 'malformed' }));
  }
});
