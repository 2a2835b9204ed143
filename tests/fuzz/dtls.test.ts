import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { type DtlsIdentity, findFingerprint } from '../../wire/dtls/certificate.ts';
import { DtlsConnection } from '../../wire/dtls/connection.ts';
import {
  readClientHello,
  readHelloVerifyRequest,
  readNumberList,
  readServerHello,
  readUseSrtp,
} from '../../wire/dtls/hello.ts';
import {
  readCertificate,
  readCertificateRequest,
  readCertificateVerify,
  readClientKeyExchange,
  readServerKeyExchange,
} from '../../wire/dtls/messages.ts';
import { findFragments } from '../../wire/dtls/reassembly.ts';
import { findRecord } from '../../wire/dtls/record.ts';
import { WireError } from '../../wire/errors.ts';
import { converse, makeIdentity, makePair, type Pair, settingsOf } from '../vectors/dtls/association.ts';
import { opensslClientHello, opensslVerifyRequest } from '../vectors/dtls/vectors.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260804);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 1000);
/** A whole handshake costs two milliseconds. */
const handshakeRuns = Math.ceil(numRuns / 5);

const readers = [
  readClientHello,
  readServerHello,
  readHelloVerifyRequest,
  readUseSrtp,
  readNumberList,
  readCertificate,
  readServerKeyExchange,
  readCertificateRequest,
  readCertificateVerify,
  readClientKeyExchange,
];

function bodiesOf(datagrams: readonly Buffer[]): Buffer[] {
  const bodies: Buffer[] = [];
  for (const datagram of datagrams) {
    for (let at = 0, record = findRecord(datagram, at); record !== undefined; record = findRecord(datagram, at)) {
      at += record.bytes.length;
      if (record.type === 22 && record.epoch === 0) {
        for (const { bytes } of findFragments(record.body) ?? []) bodies.push(bytes);
      }
    }
  }
  return bodies;
}

describe(`fuzz: DTLS (seed ${seed})`, () => {
  let alice: DtlsIdentity;
  let bob: DtlsIdentity;
  /** What both said in a good handshake. */
  const said: Record<'client' | 'server', Buffer[]> = { client: [], server: [] };
  let connected: Pair;

  before(async () => {
    alice = await makeIdentity('alice');
    bob = await makeIdentity('bob');
    connected = makePair({ client: alice, server: bob });
    converse(connected, (bytes, from) => {
      said[from].push(bytes);
      return [10];
    });
    connected.client.takeEvents();
    connected.server.takeEvents();
  });

  it('every reader of messages', () => {
    const bodies = bodiesOf([
      ...said.client,
      ...said.server,
      opensslClientHello.datagram,
      opensslVerifyRequest.datagram,
    ]);
    assert.ok(bodies.length >= 10);
    const input = fc.oneof(
      mutated(bodies),
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    );
    fc.assert(
      fc.property(input, (bytes) => {
        for (const read of readers) {
          try {
            read(bytes);
          } catch (error) {
            assert.ok(error instanceof WireError, `${read.name}: ${String(error)}`);
          }
        }
        findFragments(bytes);
        findRecord(bytes, 0);
        findFingerprint(bytes.toString('latin1'));
      }),
      { seed, numRuns },
    );
  });

  it('random datagrams to a connection that waits: no answer, no end', () => {
    const noise = fc.uint8Array({ maxLength: 120 }).map((array) => Buffer.from(array));
    const clear = noise.map((body) => {
      const head = Buffer.from('16fefd0000000000000001 0000'.replace(' ', ''), 'hex');
      head.writeUInt16BE(body.length, 11);
      return Buffer.concat([head, body]);
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(noise, clear), { maxLength: 10 }), (datagrams) => {
        const server = new DtlsConnection(settingsOf('server', bob, alice));
        for (const bytes of datagrams) server.receive(bytes, 0);
        assert.notEqual(server.state, 'connected');
        const answer = server.takeDatagrams();
        assert.ok(answer.length <= 1 && (answer[0]?.length ?? 0) <= 40, 'an alert at most');
      }),
      { seed, numRuns },
    );
  });

  it('a handshake in which datagrams were changed ends well or not at all, in bounds', () => {
    const change = fc.record({
      which: fc.nat(6),
      at: fc.nat(),
      value: fc.integer({ min: 1, max: 255 }),
      cut: fc.option(fc.nat(), { nil: undefined }),
      keepOriginal: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const peers = makePair({ client: alice, server: bob });
        const input: Record<'client' | 'server', number> = { client: 0, server: 0 };
        let count = 0;
        let output = 0;
        converse(peers, (bytes, from) => {
          output += bytes.length;
          input[from] += 1;
          const to = from === 'client' ? peers.server : peers.client;
          for (const { which, at, value, cut, keepOriginal } of changes) {
            if (which !== count) continue;
            const changed = Buffer.from(bytes);
            changed[at % bytes.length] = (changed[at % bytes.length] ?? 0) ^ value;
            to.receive(cut === undefined ? changed : changed.subarray(0, cut % bytes.length), 0);
            if (!keepOriginal) {
              count += 1;
              return [];
            }
          }
          count += 1;
          return [10];
        });
        assert.ok(output < 100_000, String(output));
        for (const peer of [peers.client, peers.server]) {
          const events = peer.takeEvents();
          assert.ok(events.length <= 2);
          assert.ok(events.filter(({ kind }) => kind === 'connected').length <= 1);
        }
      }),
      { seed, numRuns: handshakeRuns },
    );
  });

  it('a connection opens nothing that its peer did not seal', () => {
    const { client, server } = connected;
    assert.ok(client.send(Buffer.from('one record of application data')));
    const sealed = client.takeDatagrams();
    const genuine = sealed[0] ?? Buffer.alloc(0);
    let received = 0;
    fc.assert(
      fc.property(mutated([...sealed, ...said.client, ...said.server]), (bytes) => {
        server.receive(bytes, 60_000_000);
        assert.equal(server.state, 'connected');
        for (const event of server.takeEvents()) {
          assert.equal(event.kind, 'received');
          assert.ok(bytes.subarray(0, genuine.length).equals(genuine));
          received += 1;
        }
        assert.ok(server.takeDatagrams().length <= 1);
      }),
      { seed, numRuns },
    );
    assert.ok(received <= 1, String(received));
  });
});
