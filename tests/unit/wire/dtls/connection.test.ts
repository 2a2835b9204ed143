import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { type DtlsIdentity, fingerprintOf } from '../../../../wire/dtls/certificate.ts';
import { HandshakeType } from '../../../../wire/dtls/codes.ts';
import { DtlsConnection } from '../../../../wire/dtls/connection.ts';
import { findFragments, writeFragment } from '../../../../wire/dtls/reassembly.ts';
import { findRecord, writeClearRecord } from '../../../../wire/dtls/record.ts';
import { nodeSrtp } from '../../../../wire/srtp/node-srtp.ts';
import { findSrtpProfile, srtpProfiles } from '../../../../wire/srtp/profile.ts';
import {
  connectedEvent,
  converse,
  eventKinds,
  makeIdentity,
  makePair,
  makeRsaIdentity,
  settingsOf,
} from '../../../vectors/dtls/association.ts';
import { roomFor, rtpPacket } from '../../../vectors/srtp/contexts.ts';

const second = 1_000_000;

describe('a DTLS connection', () => {
  let alice: DtlsIdentity;
  let bob: DtlsIdentity;
  let mallory: DtlsIdentity;
  let rsa: DtlsIdentity;

  before(async () => {
    alice = await makeIdentity('alice');
    bob = await makeIdentity('bob');
    mallory = await makeIdentity('mallory');
    rsa = makeRsaIdentity();
  });

  const pair = () => makePair({ client: alice, server: bob });

  it('gives both the keys of SRTP', () => {
    const { client, server } = pair();
    converse({ client, server });
    const ours = connectedEvent(client).srtp ?? assert.fail();
    const theirs = connectedEvent(server).srtp ?? assert.fail();
    assert.equal(ours.send.profile.name, 'AEAD_AES_128_GCM');
    assert.deepEqual(ours.send, theirs.receive);
    assert.deepEqual(ours.receive, theirs.send);
    const sender = nodeSrtp.openSender(ours.send);
    const bytes = roomFor(rtpPacket(1, 1), sender.rtpOverhead);
    sender.protectRtp(bytes, 32);
    assert.equal(nodeSrtp.openReceiver(theirs.receive).unprotectRtp(bytes), 32);
    assert.deepEqual(client.findKeyingMaterial('label', 20), server.findKeyingMaterial('label', 20));
  });

  it('takes RSA on either side', () => {
    for (const [client, server] of [
      [rsa, bob],
      [alice, rsa],
    ] as const) {
      const peers = makePair({ client, server });
      converse(peers);
      assert.deepEqual([eventKinds(peers.client), eventKinds(peers.server)], [['connected'], ['connected']]);
    }
  });

  it("chooses the SRTP profile in the server's order", () => {
    const only = (id: number) => srtpProfiles.filter((profile) => profile.id === id);
    const peers = makePair({ client: alice, server: bob, clientSettings: { srtpProfiles: only(1) } });
    converse(peers);
    assert.equal(connectedEvent(peers.server).srtp?.send.profile, findSrtpProfile(1));
    const none = makePair({
      client: alice,
      server: bob,
      clientSettings: { srtpProfiles: only(2) },
      serverSettings: { srtpProfiles: only(7) },
    });
    converse(none);
    assert.deepEqual(eventKinds(none.server), ['failed: nothing-in-common']);
    assert.deepEqual(eventKinds(none.client), ['failed: alert']);
  });

  it('does without SRTP when nobody wants it', () => {
    const peers = makePair({
      client: alice,
      server: bob,
      clientSettings: { srtpProfiles: [] },
      serverSettings: { srtpProfiles: [] },
    });
    converse(peers);
    assert.equal(connectedEvent(peers.client).srtp, undefined);
    assert.equal(connectedEvent(peers.server).srtp, undefined);
  });

  it('asks for a cookie, which only the same peer can show', () => {
    const cookies = { secret: randomBytes(32), peer: '10.0.0.1:5000' };
    const peers = makePair({ client: alice, server: bob, serverSettings: { cookies } });
    converse(peers);
    assert.deepEqual(eventKinds(peers.server), ['connected']);
    // A server that kept nothing of the first hello takes the second one; one for another address does not.
    const client = new DtlsConnection(settingsOf('client', alice, bob));
    client.start(0);
    const first = new DtlsConnection(settingsOf('server', bob, alice, { cookies }));
    for (const bytes of client.takeDatagrams()) first.receive(bytes, 0);
    const [request] = first.takeDatagrams();
    assert.ok(request !== undefined && request.length < 100);
    client.receive(request, 10);
    const hellos = client.takeDatagrams();
    const fresh = new DtlsConnection(settingsOf('server', bob, alice, { cookies }));
    const other = new DtlsConnection(
      settingsOf('server', bob, alice, { cookies: { ...cookies, peer: '10.0.0.2:5000' } }),
    );
    for (const bytes of hellos) {
      fresh.receive(bytes, 20);
      other.receive(bytes, 20);
    }
    assert.ok(Buffer.concat(fresh.takeDatagrams()).length > 500);
    assert.ok(Buffer.concat(other.takeDatagrams()).length < 100);
  });

  describe('refuses', () => {
    for (const role of ['client', 'server'] as const) {
      it(`an impostor as ${role}, with the certificate but not the key`, () => {
        const { certificate } = role === 'client' ? alice : bob;
        for (const { privateKey } of [mallory, rsa]) {
          const impostor = { certificate, privateKey };
          const peers =
            role === 'client'
              ? makePair({ client: impostor, server: bob })
              : makePair({ client: alice, server: impostor });
          converse(peers);
          const victim = role === 'client' ? peers.server : peers.client;
          const kinds = eventKinds(victim);
          assert.equal(kinds.length, 1);
          assert.match(kinds[0] ?? '', /^failed: (not-authentic|protocol-error)$/);
          assert.equal(victim.findKeyingMaterial('EXTRACTOR-dtls_srtp', 56), undefined);
          assert.ok(!eventKinds(role === 'client' ? peers.client : peers.server).includes('connected'));
        }
      });

      it(`a ${role} with another certificate than signalling said`, () => {
        const wrong = { peerFingerprints: [fingerprintOf(rsa.certificate)] };
        const peers = makePair({
          client: alice,
          server: bob,
          ...(role === 'client' ? { serverSettings: wrong } : { clientSettings: wrong }),
        });
        converse(peers);
        assert.deepEqual(eventKinds(role === 'client' ? peers.server : peers.client), ['failed: fingerprint-mismatch']);
        assert.deepEqual(eventKinds(role === 'client' ? peers.client : peers.server), ['failed: alert']);
      });
    }

    it('a peer of whom signalling said nothing', () => {
      const peers = makePair({ client: alice, server: bob, serverSettings: { peerFingerprints: [] } });
      converse(peers);
      assert.deepEqual(eventKinds(peers.server), ['failed: fingerprint-mismatch']);
    });

    it('a weak key', () => {
      const weak = makeRsaIdentity(1024);
      const peers = makePair({ client: weak, server: bob });
      converse(peers);
      assert.deepEqual(eventKinds(peers.server), ['failed: nothing-in-common']);
    });
  });

  it('drops application data in clear, before and behind the handshake', () => {
    const { client, server } = pair();
    const clear = writeClearRecord({ type: 23, epoch: 0, sequence: 99 }, Buffer.from('injected'));
    server.receive(clear, 0);
    converse({ client, server });
    server.receive(clear, second);
    client.receive(clear, second);
    assert.deepEqual(eventKinds(server), ['connected']);
    assert.deepEqual(eventKinds(client), ['connected']);
    assert.equal(server.droppedRecords, 2);
    assert.equal(client.droppedRecords, 1);
    assert.equal(client.send(Buffer.from('early')), true);
  });

  it('carries application data, each record once', () => {
    const { client, server } = pair();
    assert.equal(client.send(Buffer.from('too early')), false);
    converse({ client, server });
    client.takeEvents();
    server.takeEvents();
    assert.ok(client.send(Buffer.from('hello')));
    assert.equal(client.send(Buffer.alloc(0x4001)), false);
    const [record] = client.takeDatagrams();
    assert.ok(record);
    assert.equal(record.indexOf('hello'), -1);
    server.receive(record, second);
    server.receive(record, second);
    assert.deepEqual(server.takeEvents(), [{ kind: 'received', bytes: Buffer.from('hello') }]);
    assert.equal(server.droppedRecords, 1);
  });

  it('closes, and the peer hears', () => {
    const { client, server } = pair();
    converse({ client, server });
    client.takeEvents();
    server.takeEvents();
    client.close();
    converse({ client, server }, undefined, false);
    assert.deepEqual([eventKinds(client), eventKinds(server)], [['closed'], ['closed']]);
    assert.equal(server.send(Buffer.from('x')), false);
    assert.equal(server.findKeyingMaterial('x', 10), undefined);
  });

  it('is not ended by garbage, clear alerts or forged records once connected', () => {
    const { client, server } = pair();
    converse({ client, server });
    server.takeEvents();
    for (const text of [
      '',
      '00',
      '16feff',
      '15fefd0000000000000063000202 28',
      '17fefd0001000000000099001800'.padEnd(80, '0'),
    ]) {
      server.receive(Buffer.from(text.replace(' ', ''), 'hex'), second);
    }
    for (let at = 0; at < 200; at += 1) server.receive(randomBytes(at), second);
    assert.deepEqual(server.takeEvents(), []);
    assert.equal(server.state, 'connected');
    assert.deepEqual(server.takeDatagrams(), []);
  });

  it('gives up after a quarter of a minute without an answer', () => {
    const client = new DtlsConnection(settingsOf('client', alice, bob));
    const server = new DtlsConnection(settingsOf('server', bob, alice));
    const took = converse({ client, server }, () => []);
    assert.deepEqual(eventKinds(client), ['failed: timeout']);
    assert.ok(took > 10 * second && took < 20 * second, String(took));
    assert.equal(server.nextTimeout, undefined);
  });

  it('sends the last flight again when the client has not had it', () => {
    const { client, server } = pair();
    let lost = 0;
    converse({ client, server }, (_, from) => {
      if (from === 'server' && server.state === 'connected' && lost < 3) {
        lost += 1;
        return [];
      }
      return [10];
    });
    assert.equal(lost, 3);
    assert.deepEqual(eventKinds(client), ['connected']);
  });

  it('answers a flood of one hello with no more than a dozen flights', () => {
    const client = new DtlsConnection(settingsOf('client', alice, bob));
    client.start(0);
    const [hello] = client.takeDatagrams();
    const server = new DtlsConnection(settingsOf('server', bob, alice));
    let sent = 0;
    for (let now = 0; now < 5000; now += 1) {
      if (now === 40) assert.ok(sent <= 2, String(sent));
      server.receive(hello ?? assert.fail(), now * 1000);
      sent += server.takeDatagrams().length;
    }
    assert.ok(sent <= 26, String(sent));
  });

  it('fits its datagrams to the path', () => {
    const peers = makePair({ client: alice, server: bob, clientSettings: { mtu: 300 }, serverSettings: { mtu: 300 } });
    let longest = 0;
    converse(peers, (bytes) => {
      longest = Math.max(longest, bytes.length);
      return [10];
    });
    assert.ok(longest <= 300, String(longest));
    assert.deepEqual(eventKinds(peers.server), ['connected']);
  });

  it('survives a bomb of fragments', () => {
    const { client, server } = pair();
    const fragment = writeFragment({ type: 11, sequence: 0, body: Buffer.alloc(0x4000) }, 0, 1);
    for (let sequence = 0; sequence < 0x1_0000; sequence += 7) {
      fragment.writeUInt16BE(sequence, 4);
      fragment.writeUIntBE((sequence * 3) % 0x4000, 6, 3);
      if (sequence > 6) server.receive(writeClearRecord({ type: 22, epoch: 0, sequence }, fragment), 0);
    }
    assert.equal(server.state, 'handshake');
    assert.deepEqual(server.takeDatagrams(), []);
    converse({ client, server });
  });

  it('does not start over', () => {
    const { client, server } = pair();
    const sent: Buffer[] = [];
    converse({ client, server }, (bytes, from) => {
      if (from === 'client') sent.push(bytes);
      return [10];
    });
    server.takeEvents();
    for (const bytes of sent) server.receive(bytes, second);
    assert.deepEqual(server.takeEvents(), []);
    assert.deepEqual(server.takeDatagrams(), []);
  });

  it('does not believe a Finished in clear', () => {
    const { client, server } = pair();
    client.start(0);
    for (const bytes of client.takeDatagrams()) server.receive(bytes, 0);
    for (const bytes of server.takeDatagrams()) client.receive(bytes, 0);
    const flight = client.takeDatagrams();
    const finished = writeFragment({ type: HandshakeType.finished, sequence: 4, body: Buffer.alloc(12) });
    server.receive(writeClearRecord({ type: 22, epoch: 0, sequence: 77 }, finished), 1);
    for (const bytes of flight) server.receive(bytes, 2);
    assert.deepEqual(eventKinds(server), ['connected']);
    assert.equal(server.droppedRecords, 1);
  });

  it('sends nothing but the handshake in clear', () => {
    const { client, server } = pair();
    converse({ client, server }, (bytes) => {
      for (let at = 0; at < bytes.length; ) {
        const record = findRecord(bytes, at) ?? assert.fail();
        at += record.bytes.length;
        if (record.epoch === 0) assert.ok(record.type === 20 || record.type === 22);
        const types = record.epoch === 0 && record.type === 22 ? (findFragments(record.body) ?? []) : [];
        assert.ok(types.every(({ type }) => type !== HandshakeType.finished));
      }
      return [10];
    });
  });
});
