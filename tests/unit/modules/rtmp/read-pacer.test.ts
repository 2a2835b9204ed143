import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Scope } from '../../../../core/lifecycle/scope.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { millis, seconds } from '../../../../core/time/micros.ts';
import { ReadPacer } from '../../../../modules/rtmp/read-pacer.ts';

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe('ReadPacer', () => {
  let scope: Scope;
  let clock: ManualClock;
  let messages: number;
  let pacer: ReadPacer;
  let sockets: Socket[];

  beforeEach(() => {
    scope = Scope.root('test');
    clock = new ManualClock();
    messages = 0;
    sockets = [];
    pacer = new ReadPacer({ gather: millis(100) }, { clock, scope, messages: () => messages });
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await scope.close({ code: 'done' });
  });

  /** A peer and our end of its connection; each read is counted and then rests. */
  async function link(): Promise<{ peer: Socket; reads: string[] }> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const peer = connect(port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [Socket];
    server.close();
    sockets.push(peer, socket);
    const reads: string[] = [];
    socket.on('data', (bytes) => {
      reads.push(bytes.toString());
      pacer.rest(socket);
    });
    return { peer, reads };
  }

  async function say(peer: Socket, words: string): Promise<void> {
    peer.write(words);
    await turn();
  }

  function measure(rate: number): void {
    messages += rate;
    clock.advance(seconds(1));
  }

  it('reads at once while few publish', async () => {
    measure(500);
    const { peer, reads } = await link();
    await say(peer, 'a');
    await say(peer, 'b');
    assert.deepEqual(reads, ['a', 'b']);
    assert.equal(pacer.interval, 0);
  });

  it('gathers what comes between two pulses while many publish, and loses nothing', async () => {
    measure(20_000);
    const { peer, reads } = await link();
    for (const words of ['a', 'b', 'c']) await say(peer, words);
    assert.deepEqual(reads, ['a']);
    clock.advance(millis(100));
    await turn();
    assert.deepEqual(reads, ['a', 'bc']);
    measure(100);
    clock.advance(millis(100));
    await say(peer, 'd');
    await say(peer, 'e');
    assert.deepEqual(reads, ['a', 'bc', 'd', 'e']);
  });

  it('wakes no socket that has gone', async () => {
    measure(20_000);
    const { peer, reads } = await link();
    await say(peer, 'a');
    sockets[1]?.destroy();
    clock.advance(millis(100));
    await turn();
    assert.deepEqual(reads, ['a']);
  });
});
