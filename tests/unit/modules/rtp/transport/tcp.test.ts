import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { seconds } from '../../../../../core/time/micros.ts';
import { type IcePeer, openTcpWay } from '../../../../support/ice-peer.ts';
import { HeardPackets, TestTransports } from '../../../../support/peer-transports.ts';
import { waitFor } from '../../../../support/wait-for.ts';
import { rtcpPacket, rtpPacket } from '../../../../vectors/srtp/contexts.ts';

describe('ICE-TCP of the transport', () => {
  let test: TestTransports;

  beforeEach(() => {
    test = TestTransports.manual({ tcpBacklog: '64KiB' });
  });
  afterEach(() => test.close());

  function connectTo(peer: IcePeer): ReturnType<typeof openTcpWay> {
    const [, , , , address = '', port = ''] = candidateOf(peer);
    return openTcpWay(address, Number(port));
  }

  const candidateOf = (peer: IcePeer): string[] =>
    peer.local.candidates.map((line) => line.split(' ')).find((words) => words[2] === 'tcp') ?? [];

  it('carries packets both ways', async () => {
    const { transport, peer } = await test.connect({ protocol: 'tcp' });
    const heard = new HeardPackets(transport);
    assert.equal(test.counters.connections, 1);
    for (let index = 0; index < 50; index += 1) {
      peer.sendRtp(rtpPacket(1, index, 1_000));
      const packet = rtpPacket(2, index, 1_000);
      transport.sendRtp(packet, 12, packet.subarray(12));
    }
    transport.sendRtcp(rtcpPacket(2, 1));
    transport.flush();
    await waitFor('packets', () => heard.rtp.length === 50 && peer.rtp.length === 50 && peer.rtcp.length === 1);
    assert.deepEqual(peer.rtp[49], rtpPacket(2, 49, 1_000));
    assert.match(String(transport.inspect()['path']), /^tcp /);
  });

  it('drops what a peer does not read, and tells the backlog', async () => {
    const { transport, peer } = await test.connect({ protocol: 'tcp' });
    const way = peer.way as unknown as { pause(): void; resume(): void };
    way.pause();
    const payload = Buffer.alloc(1_200);
    // More than the kernel's buffers of both ends hold.
    for (let index = 0; index < 20_000; index += 1) {
      const header = rtpPacket(3, index).subarray(0, 12);
      transport.sendRtp(header, 12, payload);
      if (index % 100 === 99) transport.flush();
    }
    assert.ok(transport.backlog > 60_000 && transport.backlog <= 65_536, String(transport.backlog));
    assert.ok(test.counters.unsent > 1_000);
    // Nor do answers pile up.
    const { bytes } = peer.makeCheck();
    for (let turn = 0; turn < 2_000; turn += 1) peer.way?.send(bytes);
    await waitFor('checks', () => test.counters.checks > 2_000);
    assert.ok(transport.backlog <= 65_536);
    assert.equal(transport.scope.closed, false);
    way.resume();
    await waitFor('room', () => transport.backlog === 0);
    const before = peer.rtp.length;
    transport.sendRtp(rtpPacket(4, 1), 12, payload);
    transport.flush();
    await waitFor('a packet', () => peer.rtp.length > before && peer.rtp.at(-1)?.readUInt32BE(8) === 4);
  });

  it('goes on over another connection', async () => {
    const { transport, peer } = await test.connect({ protocol: 'tcp' });
    peer.way?.close();
    await waitFor('the loss', () => test.counters.connections === 0);
    const packet = rtpPacket(2, 1);
    assert.equal(transport.sendRtp(packet, 12, packet.subarray(12)), 0);
    await peer.open('tcp');
    await peer.check();
    assert.ok(transport.sendRtp(packet, 12, packet.subarray(12)) > 0);
    transport.flush();
    await waitFor('a packet', () => peer.rtp.length === 1);
  });

  it('closes the connection with the transport, behind its goodbye', async () => {
    const { transport, peer } = await test.connect({ protocol: 'tcp' });
    await transport.scope.close({ code: 'done' });
    await waitFor('goodbye', () => peer.events.at(-1)?.kind === 'closed' && peer.way?.ended === true);
    assert.equal(test.counters.connections, 0);
  });

  it('cuts a connection on which no check passes', async () => {
    const { peer } = await test.open();
    const way = await connectTo(peer);
    await waitFor('a connection', () => test.counters.connections === 1);
    test.clock.advance(seconds(10));
    await waitFor('the end', () => way.ended);
    assert.equal(test.counters.refusedConnections, 1);
  });

  it('cuts strangers: what is no check, a forged one, a frame that is too long', async () => {
    const { peer } = await test.open();
    const stranger = rtpPacket(1, 1);
    const forged = peer.makeCheck({ password: 'not the password at all' }).bytes;
    for (const bytes of [stranger, forged, Buffer.alloc(2_000)]) {
      const way = await connectTo(peer);
      way.send(bytes);
      await waitFor('the end', () => way.ended);
    }
    assert.equal(test.counters.refusedConnections, 3);
    await waitFor('all gone', () => test.counters.connections === 0);
  });

  it('takes no more connections of one address than may be', async () => {
    const small = TestTransports.manual({ tcpConnectionsPerAddress: 3 });
    const { peer } = await small.open();
    for (let turn = 0; turn < 3; turn += 1) await connectTo(peer);
    await waitFor('connections', () => small.counters.connections === 3);
    const fourth = await connectTo(peer);
    await waitFor('the end', () => fourth.ended);
    assert.deepEqual([small.counters.connections, small.counters.refusedConnections], [3, 1]);
    await small.close();
  });
});
