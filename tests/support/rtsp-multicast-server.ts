import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../core/observe/log.ts';
import { createServer } from '../../core/server.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';

/**
 * A server with multicast, for a network namespace of its own. Says `url …`, then `live` as soon as the stream `clip` is there;
 * once that is over, what went on at most at one time, and ends.
 */
const server = createServer({
  modules: [rtpModule, rtspModule],
  config: {
    rtsp: { listen: { host: '127.0.0.1', port: 0 }, transports: { multicast: { enabled: true, ttl: 1 } } },
    streams: { reconnectGrace: '0s' },
  },
  log: silentLog,
});
await server.start();
console.log(`url ${(server.urls()[0]?.url ?? '').replace('HOST', '127.0.0.1').replace('NAME', 'clip')}`);
while (server.core.streams.find('clip')?.settling.settled !== true) await sleep(10);
console.log('live');
const most = { senders: 0, players: 0 };
while (server.core.streams.find('clip') !== undefined) {
  const sessions = [...server.core.sessions.all()];
  const senders = sessions.filter(({ protocol }) => protocol === 'rtsp-multicast').length;
  most.senders = Math.max(most.senders, senders);
  most.players = Math.max(most.players, sessions.length - senders - 1);
  await sleep(20);
}
await server.stop();
console.log(`most ${JSON.stringify({ ...most, openScopes: server.core.scope.openScopes })}`);
