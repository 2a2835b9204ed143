import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { ConnectedSockets, type ConnectionCounters } from '../../../../core/net/connected-sockets.ts';

describe('ConnectedSockets', () => {
  const counters = (): ConnectionCounters => ({ connectionsOpen: 0, connectionsRefused: 0 });

  async function leave(socket: Socket): Promise<void> {
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
  }

  it('lets in as many as there is room for, and one more for each that leaves', async () => {
    const counted = counters();
    const connections = new ConnectedSockets({ total: 2, perAddress: 2 }, counted);
    const [first, second, third] = [new Socket(), new Socket(), new Socket()];
    assert.ok(connections.admit(first));
    assert.ok(connections.admit(second));
    assert.equal(connections.admit(third), false);
    await leave(first);
    assert.deepEqual(counted, { connectionsOpen: 1, connectionsRefused: 1 });
    assert.ok(connections.admit(third));
    connections.cut();
    assert.ok(second.destroyed && third.destroyed);
  });

  it('bounds those of one address', () => {
    const connections = new ConnectedSockets({ total: 9, perAddress: 1 }, counters());
    assert.ok(connections.admit(new Socket()));
    assert.equal(connections.admit(new Socket()), false);
    connections.cut();
  });

  it('closes once the last is gone, and lets nobody in meanwhile', async () => {
    const connections = new ConnectedSockets({ total: 9, perAddress: 9 }, counters());
    const [first, second] = [new Socket(), new Socket()];
    for (const socket of [first, second]) connections.admit(socket);
    let closed = false;
    const closing = connections.close(new AbortController().signal).then(() => {
      closed = true;
    });
    assert.equal(connections.admit(new Socket()), false);
    await leave(first);
    assert.equal(closed, false);
    await leave(second);
    await closing;
  });

  it('cuts who is still here at the deadline', async () => {
    const connections = new ConnectedSockets({ total: 9, perAddress: 9 }, counters());
    const socket = new Socket();
    connections.admit(socket);
    const deadline = new AbortController();
    const closing = connections.close(deadline.signal);
    assert.equal(socket.destroyed, false);
    deadline.abort();
    await closing;
    assert.ok(socket.destroyed);
    await new ConnectedSockets({ total: 1, perAddress: 1 }, counters()).close(deadline.signal);
  });
});
