import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { ConnectedSockets } from '../../../../core/net/connected-sockets.ts';

describe('ConnectedSockets', () => {
  const nobody = (): void => undefined;

  async function leave(socket: Socket): Promise<void> {
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
  }

  it('lets in as many as there is room for, and one more for each that leaves', async () => {
    const connections = new ConnectedSockets({ total: 2, perAddress: 2 });
    const [first, second, third] = [new Socket(), new Socket(), new Socket()];
    let gone = 0;
    assert.ok(connections.admit(first, () => (gone += 1)));
    assert.ok(connections.admit(second, nobody));
    assert.equal(connections.admit(third, nobody), false);
    await leave(first);
    assert.equal(gone, 1);
    assert.ok(connections.admit(third, nobody));
    connections.cut();
    assert.ok(second.destroyed && third.destroyed);
  });

  it('bounds those of one address', () => {
    const connections = new ConnectedSockets({ total: 9, perAddress: 1 });
    assert.ok(connections.admit(new Socket(), nobody));
    assert.equal(connections.admit(new Socket(), nobody), false);
    connections.cut();
  });

  it('closes once the last is gone, and lets nobody in meanwhile', async () => {
    const connections = new ConnectedSockets({ total: 9, perAddress: 9 });
    const [first, second] = [new Socket(), new Socket()];
    for (const socket of [first, second]) connections.admit(socket, nobody);
    let closed = false;
    const closing = connections.close(new AbortController().signal).then(() => {
      closed = true;
    });
    assert.equal(connections.admit(new Socket(), nobody), false);
    await leave(first);
    assert.equal(closed, false);
    await leave(second);
    await closing;
  });

  it('cuts who is still here at the deadline', async () => {
    const connections = new ConnectedSockets({ total: 9, perAddress: 9 });
    const socket = new Socket();
    connections.admit(socket, nobody);
    const deadline = new AbortController();
    const closing = connections.close(deadline.signal);
    assert.equal(socket.destroyed, false);
    deadline.abort();
    await closing;
    assert.ok(socket.destroyed);
    await new ConnectedSockets({ total: 1, perAddress: 1 }).close(deadline.signal);
  });
});
