import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { seconds } from '../../../../../core/time/micros.ts';
import type { LocalPeer } from '../../../../../modules/rtp/contract.ts';
import type { Transport } from '../../../../../modules/rtp/transport/transport.ts';
import { captureLog } from '../../../../support/captured-log.ts';
import type { IcePeer } from '../../../../support/ice-peer.ts';
import { TestTransports } from '../../../../support/peer-transports.ts';
import { waitFor } from '../../../../support/wait-for.ts';
import { rtpPacket } from '../../../../vectors/srtp/contexts.ts';

const [first, second, third] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;

describe('the addresses for browsers', () => {
  /** What the host has. */
  let host: readonly string[] | 'refuses';
  let looks: number;
  let test: TestTransports;

  beforeEach(() => {
    host = [first];
    looks = 0;
    test = openTest();
  });

  afterEach(async () => {
    await test.close();
    assert.deepEqual(test.failures, []);
  });

  function openTest(others: object = {}, peers: object = {}): TestTransports {
    const findAddresses = (): readonly string[] => {
      looks += 1;
      if (host === 'refuses') throw new Error('uv_interface_addresses');
      return host;
    };
    return TestTransports.manual({ addresses: [], ...peers }, { findAddresses, ...others });
  }

  /** `udp 127.0.0.1`, in the order in which a peer is told. */
  function told({ candidates }: LocalPeer): string[] {
    return candidates.map((line) => line.split(' ')).map((words) => `${words[2]} ${words[4]}`);
  }

  async function toldNow(): Promise<string[]> {
    return told((await test.open()).transport.local);
  }

  /** A peer that has come by one of the addresses. */
  async function connectBy(
    address: string,
    protocol: 'udp' | 'tcp' = 'udp',
  ): Promise<{ transport: Transport; peer: IcePeer }> {
    const both = await test.open();
    const { local } = both.transport;
    const candidates = local.candidates.filter((line) => line.includes(` ${address} `));
    await both.peer.connect({ ...local, candidates }, protocol);
    await both.transport.connected;
    return both;
  }

  async function carries(
    { transport, peer }: { transport: Transport; peer: IcePeer },
    sequence: number,
  ): Promise<void> {
    const before = peer.rtp.length;
    const packet = rtpPacket(9, sequence);
    assert.ok(transport.sendRtp(packet, 12, packet.subarray(12)) > 0);
    transport.flush();
    await waitFor('a packet', () => peer.rtp.length > before);
  }

  async function isFree(port: number, address: string): Promise<boolean> {
    const socket = createSocket('udp4');
    const free = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind({ port, address, exclusive: true }, () => resolve(true));
    });
    const closed = once(socket, 'close');
    socket.close();
    await closed;
    return free;
  }

  it('are looked for once a second at most, however many negotiate', async () => {
    assert.deepEqual(await toldNow(), [`udp ${first}`, `tcp ${first}`]);
    host = [first, second];
    await Promise.all(Array.from({ length: 10 }, () => test.open()));
    assert.equal(looks, 1);
    assert.deepEqual(await toldNow(), [`udp ${first}`, `tcp ${first}`]);
    test.clock.advance(seconds(1));
    const all = await Promise.all(Array.from({ length: 10 }, toldNow));
    assert.equal(looks, 2);
    for (const one of all) assert.deepEqual(one, [`udp ${first}`, `udp ${second}`, `tcp ${first}`, `tcp ${second}`]);
    assert.deepEqual(test.transports.inspect()['addresses'], host);
  });

  it('that are new carry peers by both protocols, beside those that are there', async () => {
    const old = await connectBy(first);
    host = [second, first];
    test.clock.advance(seconds(1));
    const new1 = await connectBy(second);
    const new2 = await connectBy(second, 'tcp');
    for (const both of [old, new1, new2]) await carries(both, 1);
    assert.match(String(new1.transport.inspect()['path']), /^udp/);
    assert.match(String(new2.transport.inspect()['path']), /^tcp/);
    const priorities = new1.transport.local.candidates.map((line) => Number(line.split(' ')[3]));
    assert.deepEqual(
      priorities,
      [...new Set(priorities)].sort((a, b) => b - a),
      'each its own, best first',
    );
  });

  it('that have gone keep their peers, are told to nobody, and are closed when nobody is left', async () => {
    host = [first, second];
    const staying = await connectBy(second);
    const { port } = staying.transport.local;
    const scopes = test.scope.openScopes;
    host = [first];
    test.clock.advance(seconds(1));
    const { transport } = await test.open();
    assert.deepEqual(told(transport.local), [`udp ${first}`, `tcp ${first}`]);
    await carries(staying, 1);
    assert.equal(await isFree(port, second), false);

    await staying.transport.scope.close({ code: 'done' });
    await transport.scope.close({ code: 'done' });
    test.clock.advance(seconds(1));
    await test.open();
    assert.equal(await isFree(port, second), true);
    assert.equal(await isFree(port, first), false);
    assert.equal(test.scope.openScopes, scopes - 2, 'its UDP and its TCP');
  });

  it('that come back are told again, as they were', async () => {
    host = [first, second];
    const staying = await connectBy(second);
    const before = staying.transport.local.candidates;
    host = [first];
    test.clock.advance(seconds(1));
    assert.equal((await toldNow()).length, 2);
    host = [first, second];
    test.clock.advance(seconds(1));
    const { transport } = await test.open();
    assert.deepEqual(transport.local.candidates, before);
    await carries(staying, 1);
  });

  it('take each other’s place when a host moves', async () => {
    const before = await test.open();
    await before.transport.scope.close({ code: 'done' });
    for (const address of [second, third, first]) {
      host = [address];
      test.clock.advance(seconds(1));
      assert.deepEqual(await toldNow(), [`udp ${address}`, `tcp ${address}`]);
      await carries(await connectBy(address), 1);
    }
  });

  it('are told anew to a peer that restarts ICE, which goes on by them', async () => {
    const both = await connectBy(first);
    await carries(both, 1);
    host = [second];
    test.clock.advance(seconds(1));
    const local = await both.transport.restart();
    assert.deepEqual(told(local), [`udp ${second}`, `tcp ${second}`]);
    both.peer.meet(local);
    await both.peer.open();
    assert.equal((await both.peer.check()).kind, 'success');
    await carries(both, 2);
  });

  it('stay when the host tells of none, or does not tell', async () => {
    await test.open();
    host = [];
    test.clock.advance(seconds(1));
    assert.equal((await toldNow()).length, 2);
    host = 'refuses';
    test.clock.advance(seconds(1));
    assert.equal((await toldNow()).length, 2);
  });

  it('that cannot be used are said once, and tried again', async () => {
    const { log, lines } = captureLog();
    test = openTest({ log });
    await test.open();
    host = [first, '192.0.2.254'];
    for (let turn = 0; turn < 3; turn += 1) {
      test.clock.advance(seconds(1));
      assert.deepEqual(await toldNow(), [`udp ${first}`, `tcp ${first}`]);
    }
    assert.equal(lines.filter((line) => line.includes('192.0.2.254')).length, 1);
  });

  it('that were named stay, and nobody looks', async () => {
    test = openTest({}, { addresses: [second] });
    await test.open();
    test.clock.advance(seconds(5));
    assert.deepEqual(await toldNow(), [`udp ${second}`, `tcp ${second}`]);
    assert.equal(looks, 0);
  });

  it('of a translator in front are told first, always', async () => {
    test = openTest({}, { publicAddresses: ['192.0.2.1'], tcp: false });
    await test.open();
    host = [second];
    test.clock.advance(seconds(1));
    assert.deepEqual(await toldNow(), ['udp 192.0.2.1', `udp ${second}`]);
  });
});
