import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { isError } from '../../../../../core/errors.ts';
import { HeardPackets, TestTransports } from '../../../../support/peer-transports.ts';
import { waitFor } from '../../../../support/wait-for.ts';
import { rtcpPacket, rtpPacket } from '../../../../vectors/srtp/contexts.ts';

describe('the transport of a browser', () => {
  let test: TestTransports;

  beforeEach(() => {
    test = TestTransports.manual();
  });
  afterEach(() => test.close());

  for (const setup of ['actpass', 'active', 'passive'] as const) {
    for (const profile of ['AEAD_AES_128_GCM', 'AES_CM_128_HMAC_SHA1_80'] as const) {
      it(`carries packets both ways to one who is ${setup} and has ${profile}`, async () => {
        const { transport, peer } = await test.open({ setup, profiles: [profile] });
        assert.equal(transport.local.setup, setup === 'passive' ? 'active' : 'passive');
        const heard = new HeardPackets(transport);
        await peer.connect(transport.local);
        assert.equal(await transport.connected, undefined);
        assert.equal(heard.connects, 1);
        assert.equal(transport.inspect()['srtp'], profile);
        for (let index = 0; index < 5; index += 1) peer.sendRtp(rtpPacket(7, index));
        peer.sendRtcp(rtcpPacket(7, 1));
        await waitFor('packets', () => heard.rtp.length === 5 && heard.rtcp.length === 1);
        assert.deepEqual(heard.rtp[4], rtpPacket(7, 4));
        assert.deepEqual(heard.rtcp[0], rtcpPacket(7, 1));
        // More than one round holds, and less than a socket of any system does.
        const sent = Array.from({ length: 300 }, (_, index) => rtpPacket(9, index, 100));
        // In two parts, as packets are made: a header of the viewer's own, and the payload that all share.
        const overhead = profile === 'AEAD_AES_128_GCM' ? 16 : 10;
        for (const packet of sent) {
          assert.equal(transport.sendRtp(packet, 12, packet.subarray(12)), packet.length + overhead);
        }
        transport.sendRtcp(rtcpPacket(9, 2));
        transport.flush();
        await waitFor('packets', () => peer.rtp.length === sent.length && peer.rtcp.length === 1);
        assert.deepEqual(peer.rtp, sent);
        assert.deepEqual(peer.rtcp, [rtcpPacket(9, 2)]);
      });
    }
  }

  it('prefers AES-GCM', async () => {
    const { transport } = await test.connect({ profiles: ['AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_128_GCM'] });
    assert.equal(transport.inspect()['srtp'], 'AEAD_AES_128_GCM');
  });

  it('sends a packet again byte by byte, which one who has it drops as a replay', async () => {
    const { transport, peer } = await test.connect();
    const sent: Buffer[] = [];
    peer.onProtected = (bytes) => sent.push(bytes);
    let copy: Buffer | undefined;
    const keep = (memory: Buffer, start: number, length: number): void => {
      copy = Buffer.from(memory.subarray(start, start + length));
    };
    const packet = rtpPacket(9, 1);
    transport.sendRtp(packet, 12, packet.subarray(12), { keep });
    transport.flush();
    await waitFor('the packet', () => sent.length === 1);
    assert.ok(copy !== undefined);
    assert.equal(transport.resendRtp(copy), copy.length);
    await waitFor('it again', () => sent.length === 2);
    assert.deepEqual(sent[1], sent[0]);
    assert.deepEqual(peer.rtp, [packet]);
    assert.equal(peer.receiver?.refused.replayed, 1);
  });

  it('tells who listens late that media can flow', async () => {
    const { transport } = await test.connect();
    assert.equal(new HeardPackets(transport).connects, 1);
  });

  it('keeps many peers on one port apart', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => test.connect()));
    const heard = all.map(({ transport }) => new HeardPackets(transport));
    assert.equal(new Set(all.map(({ transport }) => transport.local.port)).size, 1);
    assert.equal(new Set(all.map(({ transport }) => transport.local.fingerprint.value)).size, 1);
    all.forEach(({ peer, transport }, index) => {
      peer.sendRtp(rtpPacket(index, 1));
      const packet = rtpPacket(100 + index, 1);
      transport.sendRtp(packet, 12, packet.subarray(12));
    });
    all[0]?.transport.flush(); // one memory, one round for all
    await waitFor('packets', () =>
      all.every(({ peer }, index) => peer.rtp.length + (heard[index]?.rtp.length ?? 0) === 2),
    );
    all.forEach(({ peer }, index) => {
      assert.deepEqual(heard[index]?.rtp, [rtpPacket(index, 1)]);
      assert.deepEqual(peer.rtp, [rtpPacket(100 + index, 1)]);
    });
    assert.deepEqual([test.counters.peers, test.counters.connected], [20, 20]);
  });

  it('sends nothing, and says so, before there are keys', async () => {
    const { transport, peer } = await test.open();
    await peer.open();
    assert.equal((await peer.check()).kind, 'success');
    assert.equal(transport.sendRtp(rtpPacket(1, 1), 12, Buffer.alloc(10)), 0);
    transport.sendRtcp(rtcpPacket(1, 1));
    transport.flush();
    peer.way?.send(rtpPacket(1, 1));
    await waitFor('an early packet', () => test.counters.early === 1);
    assert.equal(test.counters.packetsOut, 0);
  });

  it('carries data for SCTP', async () => {
    const { transport, peer } = await test.connect();
    const data: Buffer[] = [];
    transport.listenData((bytes) => data.push(bytes));
    peer.sendData(Buffer.from('up'));
    assert.equal(transport.sendData(Buffer.from('down')), true);
    await waitFor('data', () => data.length === 1 && peer.data.length === 1);
    assert.deepEqual([String(data[0]), String(peer.data[0])], ['up', 'down']);
  });

  it('ends when the peer says goodbye, and says goodbye itself', async () => {
    const leaving = await test.connect();
    leaving.peer.hangUp();
    await waitFor('the end', () => leaving.transport.scope.closed);
    assert.equal(leaving.transport.scope.reason?.code, 'peer-left');
    assert.equal(leaving.transport.failure, undefined);
    const { transport, peer } = await test.connect();
    await transport.scope.close({ code: 'done' });
    await waitFor('goodbye', () => peer.events.some(({ kind }) => kind === 'closed'));
    assert.equal(transport.sendRtp(rtpPacket(1, 1), 12, Buffer.alloc(10)), 0);
    assert.equal(transport.sendData(Buffer.from('late')), false);
    assert.deepEqual([test.counters.peers, test.counters.connected], [0, 0]);
    assert.equal(test.transports.inspect()['ufrags'], 0);
  });

  it('never connects when its owner ends it before', async () => {
    const { transport } = await test.open();
    await transport.scope.close({ code: 'done' });
    assert.equal(await transport.connected, 'ice-error');
    await transport.restart();
    assert.equal(test.transports.inspect()['ufrags'], 0);
  });

  it('refuses more peers than may be', async () => {
    const small = TestTransports.manual({ limit: 2 });
    const first = await small.open();
    await small.open();
    await assert.rejects(small.open(), (error) => isError(error, 'limit-reached'));
    await first.transport.scope.close({ code: 'done' });
    await small.open();
    assert.equal(small.counters.refusedPeers, 1);
    await small.close();
  });

  it('leaves no scope open', async () => {
    const open = test.scope.openScopes;
    const first = await test.connect();
    await first.transport.scope.close({ code: 'done' });
    const kept = test.scope.openScopes; // with the ports
    for (let turn = 0; turn < 20; turn += 1) {
      const { transport } = await test.connect();
      await transport.scope.close({ code: 'done' });
    }
    assert.equal(test.scope.openScopes, kept);
    assert.ok(open < kept);
    assert.equal(test.clock.pending, 0);
    assert.deepEqual(test.failures, []);
  });
});
