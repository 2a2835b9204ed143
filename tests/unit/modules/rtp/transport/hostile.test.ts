import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { seconds } from '../../../../../core/time/micros.ts';
import { StunAttribute } from '../../../../../wire/stun/attributes.ts';
import { collectGarbage } from '../../../../support/collect-garbage.ts';
import type { IcePeer } from '../../../../support/ice-peer.ts';
import { HeardPackets, TestTransports } from '../../../../support/peer-transports.ts';
import { waitFor } from '../../../../support/wait-for.ts';
import { makeIdentity } from '../../../../vectors/dtls/association.ts';
import { rtpPacket } from '../../../../vectors/srtp/contexts.ts';

/** Type, version, epoch 0, number and length of a DTLS record in clear. */
function clearRecord(type: number, body: Buffer): Buffer {
  const head = Buffer.from('00fefd00000000000000ff0000', 'hex');
  head[0] = type;
  head.writeUInt16BE(body.length, 11);
  return Buffer.concat([head, body]);
}

/** Sends bytes that get no answer: that of the good check behind them is the first to come. */
async function assertSilence(peer: IcePeer, messages: readonly Buffer[]): Promise<void> {
  const way = peer.way ?? assert.fail();
  const { onPacket } = way;
  let answers = 0;
  way.onPacket = (bytes) => {
    answers += 1;
    onPacket(bytes);
  };
  for (const bytes of messages) way.send(bytes);
  assert.equal((await peer.check()).kind, 'success');
  assert.equal(answers, 1);
  way.onPacket = onPacket;
}

describe('what strangers send to the transport', () => {
  let test: TestTransports;

  beforeEach(() => {
    test = TestTransports.manual();
  });
  afterEach(async () => {
    assert.deepEqual(test.failures, []);
    await test.close();
  });

  describe('as checks', () => {
    it('is not answered when it is not authentic', async () => {
      const { peer } = await test.open();
      await peer.open();
      const { ufrag } = peer.local;
      const messages = [
        peer.makeCheck({ fingerprint: 'bad' }).bytes,
        peer.makeCheck({ fingerprint: 'absent' }).bytes,
        peer.makeCheck({ password: 'another' }).bytes,
        peer.makeCheck({ integrity: 'absent' }).bytes,
        peer.makeCheck({ username: `${ufrag.toLowerCase()}x:them` }).bytes,
        peer.makeCheck({ username: ufrag }).bytes,
        peer.makeCheck({ username: ':' }).bytes,
        peer.makeCheck({ username: '' }).bytes,
        peer.makeCheck({ username: `${ufrag}:${'x'.repeat(300)}` }).bytes.subarray(0, 200),
      ];
      await assertSilence(peer, messages);
      const { fingerprint, integrity, malformed } = test.counters.refusedChecks;
      assert.deepEqual([fingerprint, integrity, malformed], [2, 2, 1]);
      assert.equal(test.counters.refusedChecks['unknown-ufrag'], 4);
      assert.equal(test.counters.checks, 1);
    });

    it('is passed over when it cannot be read', async () => {
      const { peer } = await test.open();
      await peer.open();
      const good = peer.makeCheck().bytes;
      const pastEnd = Buffer.from(good);
      pastEnd.writeUInt16BE(0xfffc, 22);
      const zeroLength = Buffer.from(good);
      zeroLength.writeUInt16BE(StunAttribute.xorMappedAddress, 20);
      zeroLength.writeUInt16BE(0, 22);
      const cuts = Array.from({ length: good.length - 1 }, (_, length) => good.subarray(0, length + 1));
      const response = Buffer.from(good);
      response.writeUInt16BE(0x0101, 0);
      const indication = Buffer.from(good);
      indication.writeUInt16BE(0x0011, 0);
      const allocate = Buffer.from(good);
      allocate.writeUInt16BE(0x0003, 0);
      await assertSilence(peer, [pastEnd, zeroLength, response, indication, allocate, Buffer.alloc(0), ...cuts]);
      assert.equal(test.counters.checks, 1);
    });

    it('never gets more bytes than it was', async () => {
      const { peer } = await test.open();
      await peer.open();
      for (const [code, options] of [
        [487, { role: 'controlled' }],
        [420, { extra: [0x7001] }],
        [420, { extra: Array.from({ length: 20 }, (_, index) => 0x7001 + index) }],
      ] as const) {
        const answer = await peer.check(options);
        assert.deepEqual([answer.kind, answer.code], ['error', code]);
        assert.ok(answer.length <= peer.makeCheck(options).bytes.length);
      }
      assert.equal(test.transports.counters.checks, 0);
    });

    it('with a wrong role gets five answers a second', async () => {
      const { peer } = await test.open();
      await peer.open();
      const answered = { count: 0 };
      const flood = async (): Promise<void> => {
        for (let turn = 0; turn < 50; turn += 1) {
          void peer.check({ role: 'controlled' }).then(() => {
            answered.count += 1;
          });
        }
        await peer.check();
      };
      await flood();
      assert.equal(answered.count, 5);
      test.clock.advance(seconds(1));
      await flood();
      assert.equal(answered.count, 10);
    });

    it('leaves nothing behind, however much it is', async () => {
      const { peer } = await test.open();
      await peer.open();
      const { pending } = test.clock;
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      for (let round = 0; round < 50; round += 1) {
        for (let turn = 0; turn < 100; turn += 1) {
          peer.way?.send(peer.makeCheck({ username: `${round}${turn}:x` }).bytes);
        }
        await peer.check();
      }
      assert.ok(test.counters.refusedChecks['unknown-ufrag'] > 1_000);
      assert.equal(test.transports.inspect()['ufrags'], 1);
      assert.equal(test.clock.pending, pending + 2); // of the handshake and of consent, which the good checks began
      collectGarbage();
      assert.ok(process.memoryUsage().heapUsed - before < 4 << 20);
    });

    it('cannot take the way of another peer', async () => {
      const owner = await test.connect();
      const thief = await test.open();
      // The same 5-tuple: as if the thief wrote the owner's address on his datagrams.
      owner.peer.way?.send(thief.peer.makeCheck().bytes);
      await waitFor('a refusal', () => test.counters.refusedChecks.taken === 1);
      const heard = new HeardPackets(owner.transport);
      owner.peer.sendRtp(rtpPacket(1, 1));
      await waitFor('a packet', () => heard.rtp.length === 1);
      assert.equal(thief.transport.inspect()['paths'], 0);
      // Once the owner is silent, the port may be somebody else's.
      test.clock.advance(seconds(6));
      owner.peer.way?.send(thief.peer.makeCheck().bytes);
      await waitFor('a way', () => thief.transport.inspect()['paths'] === 1);
      assert.equal(owner.transport.inspect()['paths'], 0);
    });
  });

  describe('as DTLS', () => {
    it('is not heard from where no check has passed', async () => {
      const { transport, peer } = await test.open();
      const stranger = await peer.open();
      peer.startDtls();
      await waitFor('a stranger', () => test.counters.strangers === 1);
      await peer.open();
      await peer.check(); // another 5-tuple of the same peer
      peer.startDtls().takeDatagrams();
      stranger.send(clearRecord(22, Buffer.alloc(40)));
      await waitFor('another stranger', () => test.counters.strangers === 2);
      await waitFor('keys', () => peer.sender !== undefined);
      assert.equal(await transport.connected, undefined);
    });

    for (const setup of ['active', 'passive'] as const) {
      it(`with another certificate cuts, before any media, the peer being ${setup}`, async () => {
        const impostor = await makeIdentity('impostor');
        const [hash, value] = ['sha-256', Array.from({ length: 32 }, () => 'AB').join(':')];
        const { transport, peer } = await test.open({ setup, identity: impostor, fingerprints: [{ hash, value }] });
        const heard = new HeardPackets(transport);
        peer.meet(transport.local);
        await peer.open();
        if (setup === 'passive') {
          // The server's hello comes at once.
          const { bytes } = peer.makeCheck();
          peer.startDtls();
          peer.way?.send(bytes);
        } else {
          await peer.check();
          peer.startDtls();
        }
        assert.equal(await transport.connected, 'dtls-fingerprint');
        assert.equal(transport.scope.closed, true);
        await waitFor('the alert', () => peer.events.some(({ kind }) => kind === 'failed'));
        assert.equal(heard.connects, 0);
        assert.equal(transport.sendRtp(rtpPacket(1, 1), 12, Buffer.alloc(1)), 0);
        assert.equal(test.counters.failures['dtls-fingerprint'], 1);
      });
    }

    it('with no fingerprint that proves anything cuts', async () => {
      const { transport, peer } = await test.open({ fingerprints: [{ hash: 'md5', value: 'AB:CD' }] });
      await peer.open();
      await peer.check();
      peer.startDtls();
      assert.equal(await transport.connected, 'dtls-fingerprint');
    });

    it('in clear, behind the handshake, says nothing', async () => {
      const { transport, peer } = await test.connect();
      const data: Buffer[] = [];
      transport.listenData((bytes) => data.push(bytes));
      peer.way?.send(clearRecord(23, Buffer.from('plaintext')));
      peer.way?.send(clearRecord(21, Buffer.of(2, 40))); // a fatal alert
      peer.way?.send(clearRecord(21, Buffer.of(1, 0))); // goodbye
      peer.way?.send(clearRecord(22, Buffer.alloc(60)));
      peer.sendData(Buffer.from('sealed'));
      await waitFor('data', () => data.length > 0);
      assert.deepEqual(data.map(String), ['sealed']);
      assert.equal(transport.scope.closed, false);
    });

    it('in fragments without end is bounded', async () => {
      const { transport, peer } = await test.open();
      await peer.open();
      await peer.check();
      // Fragments of a hello of 16 MB: RFC 6347 4.2.2.
      for (let turn = 0; turn < 200; turn += 1) {
        const head = Buffer.from('01ffffff000000000000000400', 'hex').subarray(0, 12);
        head.writeUIntBE(turn * 1_024, 6, 3);
        head.writeUIntBE(1_024, 9, 3);
        peer.way?.send(clearRecord(22, Buffer.concat([head, Buffer.alloc(1_024)])));
      }
      // A message that long is none: all of it is dropped, and the true hello is heard.
      assert.equal((await peer.check()).kind, 'success');
      assert.equal(transport.inspect()['state'], 'handshake');
      peer.startDtls();
      assert.equal(await transport.connected, undefined);
    });
  });

  describe('as media', () => {
    it('does not hang up, however much it is', async () => {
      const { transport, peer } = await test.connect();
      const heard = new HeardPackets(transport);
      const garbage = Buffer.alloc(1_000, 0x5a);
      garbage[0] = 0x80;
      for (let round = 0; round < 40; round += 1) {
        for (let turn = 0; turn < 50; turn += 1) {
          garbage[1] = turn % 2 === 0 ? 96 : 200;
          garbage.writeUInt16BE(turn, 2);
          peer.way?.send(Buffer.from(garbage.subarray(0, 12 + turn * 19)));
        }
        await peer.check();
      }
      peer.sendRtp(rtpPacket(1, 1));
      await waitFor('a packet', () => heard.rtp.length === 1);
      assert.equal(transport.scope.closed, false);
      assert.deepEqual([heard.rtp.length, heard.rtcp.length], [1, 0]);
      assert.equal(test.counters.packetsIn, 1);
      assert.ok(test.counters.refusedPackets.reduce((sum, count) => sum + count) > 1_000);
    });

    it('is taken once', async () => {
      const { transport, peer } = await test.connect();
      const heard = new HeardPackets(transport);
      const bytes = peer.sendRtp(rtpPacket(1, 1));
      peer.way?.send(bytes);
      const changed = Buffer.from(bytes);
      changed[14] = (changed[14] ?? 0) ^ 1;
      changed.writeUInt16BE(2, 2);
      peer.way?.send(changed);
      peer.sendRtp(rtpPacket(1, 3));
      await waitFor('packets', () => heard.rtp.length === 2);
      assert.deepEqual(heard.rtp, [rtpPacket(1, 1), rtpPacket(1, 3)]);
      const { refusedPackets } = test.transports.inspect() as { refusedPackets: Record<string, number> };
      assert.deepEqual([refusedPackets['replayed'], refusedPackets['forged']], [1, 1]);
    });

    it('is not heard from where no check has passed, right as it may be', async () => {
      const { transport, peer } = await test.connect();
      const heard = new HeardPackets(transport);
      const checked = peer.way;
      await peer.open();
      peer.sendRtp(rtpPacket(1, 1));
      await waitFor('a stranger', () => test.counters.strangers === 1);
      assert.equal(heard.rtp.length, 0);
      assert.ok(checked !== peer.way);
    });
  });

  it('ends one peer at most when it brings a fault of ours to light', async () => {
    const other = await test.connect();
    const { transport, peer } = await test.connect();
    transport.listen({
      onConnected: () => undefined,
      onRtp: () => assert.fail('a fault'),
      onRtcp: () => undefined,
    });
    peer.sendRtp(rtpPacket(1, 1));
    await waitFor('the end', () => transport.scope.closed);
    assert.equal(transport.scope.reason?.code, 'failed');
    const heard = new HeardPackets(other.transport);
    other.peer.sendRtp(rtpPacket(1, 1));
    await waitFor('a packet', () => heard.rtp.length === 1);
  });
});
