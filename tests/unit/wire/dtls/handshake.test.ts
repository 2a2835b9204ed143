import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { DtlsIdentity } from '../../../../wire/dtls/certificate.ts';
import { ClientHandshake } from '../../../../wire/dtls/client-handshake.ts';
import { dtls10, ExtensionType, HandshakeType } from '../../../../wire/dtls/codes.ts';
import type { Flight, Handshake } from '../../../../wire/dtls/handshake.ts';
import {
  type ClientHello,
  readClientHello,
  readServerHello,
  writeClientHello,
  writeHelloVerifyRequest,
  writeServerHello,
} from '../../../../wire/dtls/hello.ts';
import type { HandshakeMessage } from '../../../../wire/dtls/reassembly.ts';
import { ServerHandshake } from '../../../../wire/dtls/server-handshake.ts';
import { makeIdentity, settingsOf } from '../../../vectors/dtls/association.ts';
import { opensslVerifyRequest } from '../../../vectors/dtls/vectors.ts';

const opensslVerifyBody = writeHelloVerifyRequest(opensslVerifyRequest.cookie);

describe('a DTLS handshake', () => {
  let alice: DtlsIdentity;
  let bob: DtlsIdentity;

  before(async () => {
    alice = await makeIdentity('alice');
    bob = await makeIdentity('bob');
  });

  const bare = () => {
    const client = new ClientHandshake(settingsOf('client', alice, bob));
    const server = new ServerHandshake(settingsOf('server', bob, alice), undefined);
    return { client, server };
  };
  const give = (
    handshake: Handshake,
    flight: Flight | undefined,
    change = (m: HandshakeMessage) => m,
  ): Flight | undefined => {
    let answer: Flight | undefined;
    for (const message of flight?.messages ?? []) answer = handshake.receive(change(message)) ?? answer;
    return answer;
  };

  it('no message may be left out', () => {
    const types = (flight: Flight | undefined) => flight?.messages.map(({ type }) => type) ?? [];
    for (let missing = 0; missing < 9; missing += 1) {
      const { client, server } = bare();
      const hello = give(server, client.start());
      assert.equal(types(hello).length, 5);
      const without = (flight: Flight | undefined, index: number): Flight => ({
        messages: (flight?.messages ?? []).filter((_, at) => at !== index),
        awaitsAnswer: true,
      });
      if (missing < 5) {
        const answer = (): Flight | undefined => give(client, without(hello, missing));
        if (missing === 4) assert.equal(answer(), undefined);
        else assert.throws(answer, { name: 'HandshakeRefusal', reason: 'protocol-error' });
        continue;
      }
      const finish = give(client, hello);
      assert.equal(types(finish).length, 4);
      const end = (): Flight | undefined => give(server, without(finish, missing - 5));
      if (missing === 8) assert.equal(end(), undefined);
      else assert.throws(end, { name: 'HandshakeRefusal', reason: 'protocol-error' });
      assert.equal(server.isDone, false);
    }
  });

  it('no byte of any message may change on the way', () => {
    for (const type of Object.values(HandshakeType).filter((value) => value !== 0 && value !== 3 && value !== 14)) {
      for (const where of [0, 0.2, 0.5, 0.8, 0.999]) {
        const { client, server } = bare();
        const change = (message: HandshakeMessage): HandshakeMessage => {
          if (message.type !== type) return message;
          const body = Buffer.from(message.body);
          const at = Math.floor(where * body.length);
          body[at] = (body[at] ?? 0) ^ 1;
          return { ...message, body };
        };
        try {
          give(client, give(server, give(client, give(server, client.start(), change), change), change), change);
        } catch (error) {
          assert.match(String((error as Error).name), /^(HandshakeRefusal|WireError)$/, String(error));
        }
        // Only who heard the last word unchanged may be content.
        assert.ok(!client.isDone || !server.isDone, `type ${type} at ${where}`);
      }
    }
  });

  describe('with a server hello that was changed', () => {
    const random = (length: number) => Buffer.alloc(length, 7);
    const suiteAt = 35;

    /** What a client says to a flight with that hello. The signature stays good: both clients have one random. */
    const answerTo = (change: (hello: Buffer) => Buffer): Flight | undefined => {
      const start = () => new ClientHandshake(settingsOf('client', alice, bob, { random }));
      const server = new ServerHandshake(settingsOf('server', bob, alice), undefined);
      const flight = give(server, start().start());
      const fresh = start();
      fresh.start();
      return give(fresh, flight, (message) =>
        message.type === HandshakeType.serverHello ? { ...message, body: change(Buffer.from(message.body)) } : message,
      );
    };

    it('goes on when it was not', () => assert.equal(answerTo((hello) => hello)?.messages.length, 4));

    for (const [suite, name] of [
      [0x0000, 'NULL'],
      [0xc006, 'ECDHE_ECDSA_WITH_NULL_SHA'],
      [0xc02f, 'a suite for another key'],
    ] as const) {
      it(`refuses ${name}`, () => {
        const change = (hello: Buffer): Buffer => {
          hello.writeUInt16BE(suite, suiteAt);
          return hello;
        };
        assert.throws(() => answerTo(change), { name: 'HandshakeRefusal', reason: 'protocol-error' });
      });
    }

    it('refuses to do without extended master secret', () => {
      const change = (body: Buffer): Buffer => {
        const hello = readServerHello(body);
        const extensions = new Map(hello.extensions);
        assert.ok(extensions.delete(ExtensionType.extendedMasterSecret));
        return writeServerHello({ ...hello, extensions });
      };
      assert.throws(() => answerTo(change), { name: 'HandshakeRefusal', reason: 'nothing-in-common' });
    });

    it('refuses an extension that was not offered', () => {
      const change = (hello: Buffer): Buffer => {
        const extended = Buffer.concat([hello, Buffer.from('00230000', 'hex')]);
        extended.writeUInt16BE(extended.readUInt16BE(suiteAt + 3) + 4, suiteAt + 3);
        return extended;
      };
      assert.throws(() => answerTo(change), { name: 'HandshakeRefusal', alert: 110 });
    });
  });

  describe('with a client hello that was changed', () => {
    const answerTo = (change: (hello: ClientHello) => ClientHello): Flight | undefined => {
      const { client, server } = bare();
      return give(server, client.start(), (message) => ({
        ...message,
        body: writeClientHello(change(readClientHello(message.body))),
      }));
    };
    const without = (type: number) => (hello: ClientHello) => ({
      ...hello,
      extensions: new Map([...hello.extensions].filter(([known]) => known !== type)),
    });

    it('goes on when it was not', () => assert.equal(answerTo((hello) => hello)?.messages.length, 5));

    for (const [name, change] of [
      ['DTLS 1.0', (hello: ClientHello) => ({ ...hello, version: dtls10 })],
      ['no extended master secret', without(ExtensionType.extendedMasterSecret)],
      ['no curves', without(ExtensionType.supportedGroups)],
      ['no signature schemes', without(ExtensionType.signatureAlgorithms)],
      ['no SRTP', without(ExtensionType.useSrtp)],
      ['no cipher suite', (hello: ClientHello) => ({ ...hello, cipherSuites: [0x0000, 0xc006, 0xc009, 0x1301] })],
    ] as const) {
      it(`refuses ${name}`, () => {
        assert.throws(() => answerTo(change), { name: 'HandshakeRefusal', reason: 'nothing-in-common' });
      });
    }

    it('refuses to renegotiate what there is not', () => {
      const change = (hello: ClientHello): ClientHello => ({
        ...hello,
        extensions: new Map([...hello.extensions, [ExtensionType.renegotiationInfo, Buffer.of(1, 7)]]),
      });
      assert.throws(() => answerTo(change), { name: 'HandshakeRefusal', reason: 'protocol-error' });
    });

    it('understands the short form of renegotiation_info', () => {
      const flight = answerTo((hello) => ({
        ...without(ExtensionType.renegotiationInfo)(hello),
        cipherSuites: [...hello.cipherSuites, 0x00ff],
      }));
      const answer = readServerHello(flight?.messages[0]?.body ?? Buffer.alloc(0));
      assert.deepEqual(answer.extensions.get(ExtensionType.renegotiationInfo), Buffer.of(0));
    });
  });

  it('takes one cookie from a server, not a second', () => {
    const client = new ClientHandshake(settingsOf('client', alice, bob));
    client.start();
    const request = { type: HandshakeType.helloVerifyRequest, sequence: 0, body: opensslVerifyBody };
    const [hello] = client.receive(request)?.messages ?? [];
    assert.equal(readClientHello(hello?.body ?? Buffer.alloc(0)).cookie.length, 20);
    assert.throws(() => client.receive({ ...request, sequence: 1 }), { name: 'HandshakeRefusal' });
  });

  it('refuses a Finished of another length', () => {
    const { client, server } = bare();
    const finish = give(client, give(server, client.start()));
    const cut = (message: HandshakeMessage): HandshakeMessage =>
      message.type === HandshakeType.finished ? { ...message, body: message.body.subarray(1) } : message;
    assert.throws(() => give(server, finish, cut), { name: 'HandshakeRefusal', reason: 'not-authentic' });
    assert.equal(server.isDone, false);
  });
});
