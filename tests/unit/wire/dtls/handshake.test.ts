import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import type { DtlsIdentity } from '../../../../wire/dtls/certificate.ts';
import { ClientHandshake } from '../../../../wire/dtls/client-handshake.ts';
import { HandshakeType } from '../../../../wire/dtls/codes.ts';
import type { Flight, Handshake } from '../../../../wire/dtls/handshake.ts';
import type { HandshakeMessage } from '../../../../wire/dtls/reassembly.ts';
import { ServerHandshake } from '../../../../wire/dtls/server-handshake.ts';
import { makeIdentity, settingsOf } from '../../../vectors/dtls/association.ts';

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

  it('no server hello may hold what was not offered', () => {
    const { client, server } = bare();
    const flight = give(server, client.start());
    const body = Buffer.from(flight?.messages[0]?.body ?? '');
    const suiteAt = 35;
    for (const [suite, name] of [
      [0x0000, 'NULL'],
      [0xc006, 'ECDHE_ECDSA_WITH_NULL_SHA'],
      [0xc02f, 'RSA for another key'],
    ] as const) {
      body.writeUInt16BE(suite, suiteAt);
      const fresh = new ClientHandshake(settingsOf('client', alice, bob));
      fresh.start();
      assert.throws(
        () =>
          give(fresh, { messages: flight?.messages ?? [], awaitsAnswer: true }, (m) =>
            m.type === 2 ? { ...m, body } : m,
          ),
        { name: 'HandshakeRefusal' },
        name,
      );
    }
  });
});
