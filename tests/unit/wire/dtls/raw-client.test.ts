import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { DtlsIdentity } from '../../../../wire/dtls/certificate.ts';
import { ClientHandshake } from '../../../../wire/dtls/client-handshake.ts';
import { ContentType, HandshakeType } from '../../../../wire/dtls/codes.ts';
import { DtlsConnection } from '../../../../wire/dtls/connection.ts';
import { cookieOf, hasCookie } from '../../../../wire/dtls/cookie.ts';
import type { Flight } from '../../../../wire/dtls/handshake.ts';
import { readClientHello } from '../../../../wire/dtls/hello.ts';
import { findFragments, Reassembly, writeFragment } from '../../../../wire/dtls/reassembly.ts';
import { findRecord, RecordCipher, writeClearRecord } from '../../../../wire/dtls/record.ts';
import { connectedEvent, eventKinds, makeIdentity, makePair, settingsOf } from '../../../vectors/dtls/association.ts';
import { opensslClientHello } from '../../../vectors/dtls/vectors.ts';

/** A client with the right keys that puts its records together as it likes. */
class RawClient {
  readonly handshake: ClientHandshake;
  readonly #server: DtlsConnection;
  readonly #reassembly = new Reassembly();
  #cipher: RecordCipher | undefined;
  #sequence = 0;

  constructor(handshake: ClientHandshake, server: DtlsConnection) {
    this.handshake = handshake;
    this.#server = server;
  }

  clear(flight: Flight, type?: number): void {
    for (const message of flight.messages) {
      if (message.epoch === 1 || (type !== undefined && message.type !== type)) continue;
      const head = { type: ContentType.handshake, epoch: 0, sequence: this.#sequence };
      this.#sequence += 1;
      this.#server.receive(writeClearRecord(head, writeFragment(message)), 0);
    }
  }

  sealed(type: number, body: Buffer): void {
    const { agreed } = this.handshake;
    assert.ok(agreed);
    this.#cipher ??= new RecordCipher(agreed.suite, agreed.secrets.recordKeys().client);
    const head = { type, epoch: 1, sequence: this.#sequence };
    this.#sequence += 1;
    this.#server.receive(this.#cipher.seal(head, body), 0);
  }

  /** Takes what the server says in clear; the flight that comes of it. */
  answer(): Flight | undefined {
    let flight: Flight | undefined;
    for (const datagram of this.#server.takeDatagrams()) {
      for (let at = 0, record = findRecord(datagram, at); record !== undefined; record = findRecord(datagram, at)) {
        at += record.bytes.length;
        if (record.epoch !== 0 || record.type !== ContentType.handshake) continue;
        for (const fragment of findFragments(record.body) ?? []) this.#reassembly.add(fragment);
      }
    }
    for (let message = this.#reassembly.findNext(); message !== undefined; message = this.#reassembly.findNext()) {
      flight = this.handshake.receive(message) ?? flight;
    }
    return flight;
  }
}

describe('a DTLS server with a client of its own mind', () => {
  let alice: DtlsIdentity;
  let bob: DtlsIdentity;

  before(async () => {
    alice = await makeIdentity('alice');
    bob = await makeIdentity('bob');
  });

  function begin(): { server: DtlsConnection; client: RawClient; finish: Flight } {
    const server = new DtlsConnection(settingsOf('server', bob, alice));
    const client = new RawClient(new ClientHandshake(settingsOf('client', alice, bob)), server);
    client.clear(client.handshake.start());
    const finish = client.answer();
    assert.ok(finish);
    return { server, client, finish };
  }

  function finishedOf(finish: Flight): Buffer {
    const message = finish.messages.find(({ type }) => type === HandshakeType.finished);
    assert.ok(message);
    return writeFragment(message);
  }

  it('drops application data before Finished, and takes it behind', () => {
    const { server, client, finish } = begin();
    client.clear(finish);
    client.sealed(ContentType.applicationData, Buffer.from('early'));
    assert.deepEqual(server.takeEvents(), []);
    assert.equal(server.droppedRecords, 1);
    client.sealed(ContentType.handshake, finishedOf(finish));
    client.sealed(ContentType.applicationData, Buffer.from('due'));
    assert.deepEqual(
      server.takeEvents().map((event) => (event.kind === 'received' ? event.bytes.toString() : event.kind)),
      ['connected', 'due'],
    );
  });

  it('keeps a Finished that comes too early, and no more than four such records', () => {
    const { server, client, finish } = begin();
    client.sealed(ContentType.handshake, finishedOf(finish));
    for (let count = 0; count < 9; count += 1) client.sealed(ContentType.applicationData, Buffer.from('early'));
    assert.equal(server.droppedRecords, 6);
    assert.deepEqual(server.takeEvents(), []);
    client.clear(finish);
    assert.deepEqual(eventKinds(server), ['connected']);
  });

  it('exports nothing and sends nothing before Finished', () => {
    const { server, client, finish } = begin();
    client.clear(finish);
    assert.equal(server.findKeyingMaterial('EXTRACTOR-dtls_srtp', 56), undefined);
    assert.equal(server.send(Buffer.from('x')), false);
    assert.equal(server.state, 'handshake');
  });

  it('is not content without CertificateVerify', () => {
    const { server, client, finish } = begin();
    client.clear(finish, HandshakeType.certificate);
    client.clear(finish, HandshakeType.clientKeyExchange);
    const message = finish.messages.find(({ type }) => type === HandshakeType.finished) ?? assert.fail();
    client.sealed(ContentType.handshake, writeFragment({ ...message, sequence: message.sequence - 1 }));
    assert.deepEqual(eventKinds(server), ['failed: protocol-error']);
  });

  it('refuses to renegotiate, three times, and goes on', () => {
    const { server, client, finish } = begin();
    client.clear(finish);
    client.sealed(ContentType.handshake, finishedOf(finish));
    connectedEvent(server);
    server.takeDatagrams();
    const hello = writeFragment({ type: HandshakeType.clientHello, sequence: 9, body: Buffer.alloc(50) });
    for (let count = 0; count < 10; count += 1) client.sealed(ContentType.handshake, hello);
    assert.equal(server.takeDatagrams().length, 3);
    client.sealed(ContentType.applicationData, Buffer.from('still here'));
    assert.deepEqual(eventKinds(server), ['received']);
  });
});

describe('a DTLS client', () => {
  it('drops application data that comes before the Finished of its server', async () => {
    const peers = makePair({ client: await makeIdentity('alice'), server: await makeIdentity('bob') });
    const { client, server } = peers;
    client.start(0);
    let last: Buffer[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      for (const bytes of client.takeDatagrams()) server.receive(bytes, 0);
      last = server.takeDatagrams();
      if (turn === 0) for (const bytes of last) client.receive(bytes, 0);
    }
    assert.equal(server.state, 'connected');
    server.send(Buffer.from('early'));
    for (const bytes of server.takeDatagrams()) client.receive(bytes, 1);
    assert.deepEqual(client.takeEvents(), []);
    for (const bytes of last) client.receive(bytes, 2);
    assert.deepEqual(eventKinds(client), ['connected']);
  });
});

describe('a cookie', () => {
  it('is good for one hello of one peer', () => {
    const [fragment] = findFragments(findRecord(opensslClientHello.datagram, 0)?.body ?? Buffer.alloc(0)) ?? [];
    const hello = readClientHello(fragment?.bytes ?? Buffer.alloc(0));
    const settings = { secret: Buffer.alloc(32, 1), peer: '192.0.2.1:4000' };
    const cookie = cookieOf(settings, hello);
    assert.ok(hasCookie(settings, { ...hello, cookie }));
    assert.ok(!hasCookie(settings, { ...hello, cookie: cookie.subarray(1) }));
    assert.ok(!hasCookie(settings, { ...hello, cookie, random: Buffer.alloc(32) }));
    assert.ok(!hasCookie(settings, { ...hello, cookie, cipherSuites: [0xc02b] }));
    assert.ok(!hasCookie({ ...settings, peer: '192.0.2.1:4001' }, { ...hello, cookie }));
    assert.ok(!hasCookie({ ...settings, secret: Buffer.alloc(32, 2) }, { ...hello, cookie }));
  });
});
