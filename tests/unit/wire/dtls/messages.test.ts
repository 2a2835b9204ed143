import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { findFingerprint, fingerprintOf, fingerprintText } from '../../../../wire/dtls/certificate.ts';
import { cipherSuites } from '../../../../wire/dtls/cipher-suites.ts';
import { dtls12, ExtensionType, Group } from '../../../../wire/dtls/codes.ts';
import { DtlsConnection } from '../../../../wire/dtls/connection.ts';
import {
  readClientHello,
  readHelloVerifyRequest,
  readNumberList,
  readUseSrtp,
  writeClientHello,
} from '../../../../wire/dtls/hello.ts';
import { makeKeyShare } from '../../../../wire/dtls/key-exchange.ts';
import { readCertificate, readServerKeyExchange, writeCertificate } from '../../../../wire/dtls/messages.ts';
import { findFragments, longestHandshakeMessage, Reassembly, writeFragment } from '../../../../wire/dtls/reassembly.ts';
import { findRecord, RecordCipher } from '../../../../wire/dtls/record.ts';
import { prf } from '../../../../wire/dtls/secrets.ts';
import { makeIdentity, settingsOf } from '../../../vectors/dtls/association.ts';
import { opensslClientHello, opensslVerifyRequest, ownClientHello, prfVector } from '../../../vectors/dtls/vectors.ts';

/** The only fragment of the only record. */
function bodyOf(datagram: Buffer): Buffer {
  const [fragment] = findFragments(findRecord(datagram, 0)?.body ?? Buffer.alloc(0)) ?? [];
  return fragment?.bytes ?? assert.fail();
}

describe('DTLS messages', () => {
  it('the PRF of TLS 1.2', () => {
    const { secret, label, seed, output } = prfVector;
    assert.deepEqual(prf('sha256', secret, label, seed, output.length), output);
  });

  it(`a hello of ${opensslClientHello.origin}, read and written`, () => {
    const body = bodyOf(opensslClientHello.datagram);
    const hello = readClientHello(body);
    assert.equal(hello.version, dtls12);
    assert.deepEqual(hello.random, opensslClientHello.random);
    assert.equal(hello.cipherSuites.length, opensslClientHello.cipherSuites);
    const extension = (type: number): Buffer => hello.extensions.get(type) ?? assert.fail();
    assert.deepEqual(readNumberList(extension(ExtensionType.supportedGroups)), opensslClientHello.groups);
    assert.deepEqual(readUseSrtp(extension(ExtensionType.useSrtp)), opensslClientHello.srtpProfiles);
    assert.deepEqual(writeClientHello(hello), body);
  });

  it(`a cookie of ${opensslVerifyRequest.origin}`, () => {
    assert.deepEqual(readHelloVerifyRequest(bodyOf(opensslVerifyRequest.datagram)), opensslVerifyRequest.cookie);
  });

  it('our own hello stays as it is', async () => {
    const identity = await makeIdentity();
    const random = (length: number) => Buffer.alloc(length, 7);
    const client = new DtlsConnection(settingsOf('client', identity, identity, { random }));
    client.start(0);
    assert.deepEqual(client.takeDatagrams(), [ownClientHello.datagram]);
  });

  it('a hello is malformed with an extension twice, with bytes behind, or cut short', () => {
    const body = bodyOf(opensslClientHello.datagram);
    for (let length = 0; length < body.length; length += 1) {
      // Extensions may be absent altogether.
      if (length !== 96) assert.throws(() => readClientHello(body.subarray(0, length)), { name: 'WireError' });
    }
    assert.throws(() => readClientHello(Buffer.concat([body, Buffer.of(0)])), { code: 'malformed' });
    const hello = readClientHello(body);
    const twice = writeClientHello({
      ...hello,
      extensions: new Map([
        [23, Buffer.alloc(0)],
        [22, Buffer.alloc(0)],
      ]),
    });
    twice[twice.length - 3] = 23;
    assert.throws(() => readClientHello(twice), { code: 'malformed' });
  });

  it('a certificate list has a first certificate, or none', () => {
    assert.equal(readCertificate(Buffer.alloc(3)), undefined);
    assert.deepEqual(readCertificate(writeCertificate(Buffer.from('der'))), Buffer.from('der'));
    const many = Buffer.concat([Buffer.of(0, 0, 33), ...Array.from({ length: 11 }, () => Buffer.alloc(3))]);
    assert.throws(() => readCertificate(many), { code: 'too-large' });
  });

  it('a key exchange must name its curve', () => {
    assert.throws(() => readServerKeyExchange(Buffer.from('0100170000', 'hex')), { code: 'unsupported' });
  });

  it('knows no cipher suite without encryption and forward secrecy', () => {
    for (const { id, cipher, keyLength } of cipherSuites) {
      assert.ok([0xc02b, 0xc02c, 0xc02f, 0xc030].includes(id));
      assert.equal(cipher, `aes-${keyLength * 8}-gcm`);
    }
  });
});

describe('a fingerprint', () => {
  it('is read and written', () => {
    const fingerprint = fingerprintOf(Buffer.from('certificate'));
    assert.deepEqual(findFingerprint(fingerprintText(fingerprint)), fingerprint);
    assert.deepEqual(findFingerprint(fingerprintText(fingerprint).toLowerCase()), fingerprint);
  });
  for (const text of ['', 'sha-256', 'sha-256 00:11', `md5 ${'00:'.repeat(15)}00`, `sha-256 ${'0'.repeat(64)}`]) {
    it(`is not ${JSON.stringify(text.slice(0, 20))}`, () => assert.equal(findFingerprint(text), undefined));
  }
});

describe('a key share', () => {
  for (const group of [Group.x25519, Group.p256]) {
    it(`of group ${group} agrees with the other half`, () => {
      const [ours, theirs] = [makeKeyShare(group, randomBytes), makeKeyShare(group, randomBytes)];
      assert.deepEqual(ours.agree(theirs.publicKey), theirs.agree(ours.publicKey));
      assert.equal(ours.agree(theirs.publicKey).length, 32);
    });
    it(`of group ${group} refuses what is no point`, () => {
      const share = makeKeyShare(group, randomBytes);
      const length = share.publicKey.length;
      const zero = Buffer.alloc(length);
      const wrong = Buffer.alloc(length, 0x55);
      wrong[0] = 4;
      const cases = group === Group.p256 ? [wrong, zero] : [zero];
      for (const bad of [Buffer.alloc(0), share.publicKey.subarray(1), ...cases]) {
        assert.throws(() => share.agree(bad), { name: 'HandshakeRefusal' });
      }
    });
  }
});

describe('the reassembly of handshake messages', () => {
  const message = { type: 11, sequence: 0, body: Buffer.from('0123456789') };
  const pieces = (...ranges: readonly (readonly [number, number])[]) =>
    ranges.flatMap(([from, length]) => findFragments(writeFragment(message, from, length)) ?? []);

  it('takes pieces in any order, overlapping and doubled', () => {
    const reassembly = new Reassembly();
    for (const piece of pieces([5, 5], [0, 3], [5, 5], [2, 2], [3, 4])) {
      assert.equal(reassembly.findNext(), undefined);
      reassembly.add(piece);
    }
    assert.deepEqual(reassembly.findNext(), message);
    assert.equal(reassembly.size, 0);
  });

  it('gives messages in order', () => {
    const reassembly = new Reassembly();
    const second = { ...message, sequence: 1 };
    for (const piece of findFragments(writeFragment(second)) ?? []) reassembly.add(piece);
    assert.equal(reassembly.findNext(), undefined);
    for (const piece of pieces([0, 10])) reassembly.add(piece);
    assert.deepEqual(reassembly.findNext(), message);
    assert.deepEqual(reassembly.findNext(), second);
  });

  it('is bounded: eight messages ahead of 16 KiB', () => {
    const reassembly = new Reassembly();
    const bytes = Buffer.alloc(1);
    for (let sequence = 0; sequence < 0x1_0000; sequence += 1) {
      reassembly.add({ type: 11, length: longestHandshakeMessage, sequence, offset: 0, bytes });
    }
    assert.equal(reassembly.size, 8);
    const other = new Reassembly();
    other.add({ type: 11, length: longestHandshakeMessage + 1, sequence: 0, offset: 0, bytes });
    other.add({ type: 11, length: 0xff_ffff, sequence: 1, offset: 0, bytes });
    other.add({ type: 11, length: 4, sequence: 2, offset: 4, bytes });
    assert.equal(other.size, 0);
  });

  it('is not changed by a fragment of another length or type, nor by what comes later', () => {
    const reassembly = new Reassembly();
    for (const piece of pieces([0, 5])) reassembly.add(piece);
    reassembly.add({ type: 12, length: 10, sequence: 0, offset: 5, bytes: Buffer.from('xxxxx') });
    reassembly.add({ type: 11, length: 11, sequence: 0, offset: 5, bytes: Buffer.from('xxxxxx') });
    reassembly.add({ type: 11, length: 10, sequence: 0, offset: 0, bytes: Buffer.from('xxxxx') });
    for (const piece of pieces([5, 5])) reassembly.add(piece);
    assert.deepEqual(reassembly.findNext(), message);
  });
});

describe('an encrypted record', () => {
  const suite = cipherSuites[0] ?? assert.fail();
  const cipher = () => new RecordCipher(suite, { key: Buffer.alloc(16, 1), salt: Buffer.alloc(4, 2) });

  it('counts its nonces', () => {
    const sealed = cipher().seal({ type: 23, epoch: 1, sequence: 0x1234_5678_9abc }, Buffer.from('hello'));
    assert.equal(sealed.subarray(13, 21).toString('hex'), '0001123456789abc');
    assert.deepEqual(cipher().open(findRecord(sealed, 0) ?? assert.fail()), Buffer.from('hello'));
  });

  it('is not opened with any bit changed', () => {
    const sealed = cipher().seal({ type: 23, epoch: 1, sequence: 5 }, Buffer.from('hello'));
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 2;
      const record = findRecord(changed, 0);
      if (record !== undefined) assert.equal(cipher().open(record), undefined, `byte ${at}`);
    }
  });
});
