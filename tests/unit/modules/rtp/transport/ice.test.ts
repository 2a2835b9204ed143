import assert from 'node:assert/strict';
import { seconds } from '../../../../../core/time/micros.ts';
import { HeardPackets, TestTransports } from '../../../../support/peer-transports.ts';
import { waitFor } from '../../../../support/wait-for.ts';
import { rtpPacket } from '../../../../vectors/srtp/contexts.ts';

describe('ICE of the transport', () => {
  let test: TestTransports;

  beforeEach(() => {
    test = TestTransports.manual();
  });
  afterEach(() => test.close());

  it('tells candidates in the form of RFC 8839, UDP first', async () => {
    const { transport } = await test.open();
    const { candidates, address, port, ufrag, password } = transport.local;
    const [udp = '', tcp = ''] = candidates;
    assert.match(udp, /^1 1 udp \d+ 127\.0\.0\.1 31\d\d\d typ host$/);
    assert.match(tcp, /^2 1 tcp \d+ 127\.0\.0\.1 31\d\d\d typ host tcptype passive$/);
    assert.ok(Number(udp.split(' ')[3]) > Number(tcp.split(' ')[3]));
    assert.deepEqual([address, String(port)], ['127.0.0.1', udp.split(' ')[5]]);
    assert.match(ufrag, /^[A-Za-z0-9+/]{8}$/);
    assert.match(password, /^[A-Za-z0-9+/]{24}$/);
    const only = await test.open({ only: 'tcp' });
    assert.deepEqual(only.transport.local.candidates.length, 1);
    assert.match(only.transport.local.candidates[0] ?? '', / tcp /);
  });

  it('tells public addresses before those of the host', async () => {
    const mapped = TestTransports.manual({ publicAddresses: ['203.0.113.7', '2001:DB8:0::7'], tcp: false });
    const { candidates } = (await mapped.open()).transport.local;
    const words = candidates.map((candidate) => candidate.split(' '));
    assert.deepEqual(
      words.map(([, , , , address]) => address),
      ['203.0.113.7', '2001:db8::7', '127.0.0.1'],
    );
    assert.equal(new Set(words.map(([foundation]) => foundation)).size, 3);
    assert.equal(new Set(words.map(([, , , , , port]) => port)).size, 1);
    const priorities = words.map(([, , , priority]) => Number(priority));
    assert.deepEqual(
      priorities,
      [...priorities].sort((a, b) => b - a),
    );
    await mapped.close();
  });

  it('answers a check with where it came from', async () => {
    const { peer } = await test.open();
    const way = await peer.open();
    const answer = await peer.check();
    assert.equal(answer.kind, 'success');
    assert.equal(answer.mapped?.address, '127.0.0.1');
    assert.ok(way.protocol === 'udp' && (answer.mapped?.port ?? 0) > 0);
    assert.ok(answer.length <= peer.makeCheck().bytes.length);
  });

  it('drops a peer that never checks', async () => {
    const { transport, peer } = await test.open();
    test.clock.advance(seconds(14));
    assert.equal(transport.scope.closed, false);
    test.clock.advance(seconds(1));
    assert.equal(await transport.connected, 'ice-timeout');
    assert.equal(transport.failure, 'ice-timeout');
    assert.equal(test.counters.failures['ice-timeout'], 1);
    await peer.open();
    void peer.check();
    await waitFor('a stranger', () => test.counters.refusedChecks['unknown-ufrag'] === 1);
    assert.equal(test.clock.pending, 0);
  });

  it('drops a peer that checks and never greets', async () => {
    const { transport, peer } = await test.open();
    await peer.open();
    for (let turn = 0; turn < 4; turn += 1) {
      await peer.check();
      test.clock.advance(seconds(4));
    }
    assert.equal(await transport.connected, 'dtls-error');
  });

  it('drops a peer whose checks end, 30 s behind the last', async () => {
    const { transport, peer } = await test.connect();
    test.clock.advance(seconds(20));
    await peer.check({ nominate: false });
    test.clock.advance(seconds(29));
    peer.sendRtp(rtpPacket(1, 1)); // media is no consent
    await waitFor('a packet', () => test.counters.packetsIn === 1);
    assert.equal(transport.scope.closed, false);
    test.clock.advance(seconds(1));
    assert.equal(transport.failure, 'ice-keep-alive');
    assert.equal(await transport.connected, undefined);
    assert.equal(transport.scope.reason?.code, 'timeout');
    assert.equal(test.clock.pending, 0);
  });

  describe('chooses the way', () => {
    it('that the peer nominates, and another when the network has changed', async () => {
      const { transport, peer } = await test.connect();
      const heard = new HeardPackets(transport);
      const old = peer.way;
      const fresh = await peer.open(); // the peer has another port now
      await peer.check({ nominate: false });
      const packet = rtpPacket(5, 1);
      const toOld: number[] = [];
      if (old !== undefined) old.onPacket = (bytes) => toOld.push(bytes.length);
      transport.sendRtp(packet, 12, packet.subarray(12));
      transport.flush();
      await waitFor('a packet on the old way', () => toOld.length === 1);
      await peer.check({ nominate: true });
      transport.sendRtp(rtpPacket(5, 2), 12, packet.subarray(12));
      transport.flush();
      await waitFor('a packet on the new way', () => peer.rtp.length === 1);
      peer.sendRtp(rtpPacket(6, 1));
      await waitFor('a packet from the new way', () => heard.rtp.length === 1);
      assert.ok(fresh !== old);
      assert.equal(transport.inspect()['paths'], 2);
    });

    it('with the higher priority, where all are nominated at once', async () => {
      const { transport, peer } = await test.open();
      const low = await peer.open();
      await peer.check({ priority: 1_000 });
      const high = await peer.open();
      await peer.check({ priority: 2_000 });
      const chosen = transport.inspect()['path'];
      for (const [way, priority] of [
        [low, 1_000],
        [high, 2_000],
      ] as const) {
        await peer.check({ priority }, way);
        assert.equal(transport.inspect()['path'], chosen);
      }
      // The better one falls silent: the other follows.
      test.clock.advance(seconds(4));
      await peer.check({ priority: 1_000 }, low);
      assert.notEqual(transport.inspect()['path'], chosen);
    });

    it('without being asked when the one in use is silent', async () => {
      const { transport, peer } = await test.connect();
      const before = transport.inspect()['path'];
      await peer.open();
      await peer.check({ nominate: false });
      assert.equal(transport.inspect()['path'], before);
      test.clock.advance(seconds(16));
      await peer.check({ nominate: false });
      assert.notEqual(transport.inspect()['path'], before);
    });

    it('among no more than sixteen', async () => {
      const { transport, peer } = await test.connect();
      const before = transport.inspect()['path'];
      for (let turn = 0; turn < 20; turn += 1) {
        await peer.open();
        await peer.check({ nominate: false });
      }
      assert.equal(transport.inspect()['paths'], 16);
      assert.equal(transport.inspect()['path'], before);
    });
  });

  describe('restarts', () => {
    it('with new credentials, while the old way carries', async () => {
      const { transport, peer } = await test.connect();
      const heard = new HeardPackets(transport);
      const before = transport.local;
      const after = await transport.restart();
      assert.notEqual(after.ufrag, before.ufrag);
      assert.notEqual(after.password, before.password);
      assert.equal(after.fingerprint, before.fingerprint);
      assert.deepEqual(transport.local, after);
      assert.equal((await peer.check()).kind, 'success'); // the old ones
      peer.sendRtp(rtpPacket(1, 1));
      await waitFor('a packet', () => heard.rtp.length === 1);
      const old = peer.way;
      peer.meet(after);
      await peer.open();
      assert.equal((await peer.check()).kind, 'success');
      peer.sendRtp(rtpPacket(1, 2)); // the same keys
      const packet = rtpPacket(2, 1);
      transport.sendRtp(packet, 12, packet.subarray(12));
      transport.flush();
      await waitFor('packets', () => heard.rtp.length === 2 && peer.rtp.length === 1);
      assert.equal(heard.connects, 1);
      peer.meet(before);
      void peer.check({}, old);
      await waitFor('the old ones to be forgotten', () => test.counters.refusedChecks['unknown-ufrag'] === 1);
      assert.equal(test.transports.inspect()['ufrags'], 1);
    });

    it('any number of times, and keeps two credentials', async () => {
      const { transport, peer } = await test.connect();
      const before = transport.local;
      for (let turn = 0; turn < 100; turn += 1) await transport.restart();
      assert.equal(test.transports.inspect()['ufrags'], 2);
      peer.meet(before);
      assert.equal((await peer.check()).kind, 'success');
      peer.meet(transport.local);
      assert.equal((await peer.check()).kind, 'success');
      assert.equal(test.transports.inspect()['ufrags'], 1);
    });
  });
});
