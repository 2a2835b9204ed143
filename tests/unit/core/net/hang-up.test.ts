import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { hangUp } from '../../../../core/net/hang-up.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { millis } from '../../../../core/time/micros.ts';

describe('Hanging up', () => {
  let server: Server;
  let near: Socket;
  let far: Socket;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    [near] = (await once(server, 'connection')) as [Socket];
  });

  afterEach(() => {
    near.destroy();
    far.destroy();
    server.close();
  });

  it('lets the last words out, and cuts a peer that does not answer them', async () => {
    near.write('goodbye');
    hangUp(near, clock);
    let heard = '';
    for await (const bytes of far) heard += String(bytes);
    assert.equal(heard, 'goodbye');
    clock.advance(millis(1_999));
    assert.equal(near.destroyed, false);
    clock.advance(millis(1));
    assert.ok(near.destroyed);
  });

  it('is over at once when the peer says goodbye too, whatever it says before', async () => {
    hangUp(near, clock);
    far.end('and another thing');
    far.resume();
    await once(near, 'close');
    assert.equal(clock.pending, 0);
  });

  it('cuts who cannot be written to any more', async () => {
    near.end();
    hangUp(near, clock);
    assert.ok(near.destroyed);
    hangUp(near, clock);
  });
});
