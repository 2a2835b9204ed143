import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isError } from '../../../../../core/errors.ts';
import { ManualClock } from '../../../../../core/time/manual-clock.ts';
import { discoverAddresses } from '../../../../../modules/rtp/transport/candidates.ts';
import { PeerTransports } from '../../../../../modules/rtp/transport/peer-transports.ts';
import { captureLog } from '../../../../support/captured-log.ts';
import { TestTransports } from '../../../../support/peer-transports.ts';

describe('the ports for browsers', () => {
  it('are opened by the first peer alone, and closed with the module', async () => {
    const test = TestTransports.manual();
    assert.equal(test.transports.inspect()['udpPort'], undefined);
    const [{ transport }] = await Promise.all([test.open(), test.open(), test.open()]);
    const { port } = transport.local;
    assert.ok(port >= 31_000 && port <= 31_999);
    assert.equal(test.transports.inspect()['udpPort'], port);
    await test.close();
    const socket = createSocket('udp4').bind({ port, address: '127.0.0.1', exclusive: true });
    await once(socket, 'listening');
    socket.close();
  });

  it('are the next that are free', async () => {
    const first = TestTransports.manual();
    const second = TestTransports.manual();
    const ports = await Promise.all([first.open(), second.open()]);
    const [one, other] = ports.map(({ transport }) => transport.local.port);
    assert.ok(one !== undefined && other !== undefined && one !== other);
    await first.close();
    await second.close();
  });

  it('are refused with a sentence when the one asked for is taken, and tried again', async () => {
    const taken = createSocket('udp4').bind(0, '127.0.0.1');
    await once(taken, 'listening');
    const test = TestTransports.manual({ udpPort: taken.address().port, tcp: false });
    await assert.rejects(test.open(), (error) => {
      return isError(error, 'port-unavailable') && error.message.includes('rtp.peers.udpPort');
    });
    assert.equal(test.counters.peers, 0);
    taken.close();
    await once(taken, 'close');
    const { transport } = await test.open();
    assert.equal(transport.local.candidates.length, 1);
    await test.close();
  });

  it('are not opened on an address that is not ours, or is none', async () => {
    for (const address of ['192.0.2.254', 'media.example']) {
      const test = TestTransports.manual({ addresses: [address] });
      await assert.rejects(test.open(), (error) => isError(error, 'port-unavailable'));
      assert.equal(test.scope.openScopes, 1);
      await test.close();
    }
  });

  it('are on loopback only where there is nothing else', () => {
    const found = discoverAddresses();
    assert.ok(found.length > 0);
    const inner = found.filter((address) => address === '127.0.0.1' || address === '::1');
    assert.ok(inner.length === 0 || inner.length === found.length);
    assert.ok(!found.some((address) => /^(fe80|169\.254)/i.test(address)));
  });

  it('say once what they are served by', async () => {
    const { log, lines } = captureLog();
    const test = TestTransports.manual();
    const transports = new PeerTransports(test.settings, { clock: new ManualClock(), log, scope: test.scope });
    const { peer } = await test.open();
    for (let turn = 0; turn < 3; turn += 1) await transports.open({ remote: peer.remote }, test.scope);
    const told = lines.filter((line) => line.includes('"dtls":"node:crypto"'));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /"srtp":"node:crypto and WebAssembly".*"datagrams":"node:dgram"/);
    await test.close();
  });
});
