/** The server under test: WebRTC over HTTP, RTMP for the publisher, and what makes Opus of its AAC. Told its ports as arguments. */
import { silentLog } from '../../core/observe/log.ts';
import { createServer } from '../../core/server.ts';
import { httpModule } from '../../modules/http/index.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import { transcoders } from '../../transcoders/index.ts';

const [httpPort, rtmpPort] = process.argv.slice(2);
const host = '127.0.0.1';
const server = createServer({
  modules: [rtpModule, rtmpModule, httpModule, webrtcModule, ...transcoders],
  config: {
    rtp: { peers: { addresses: [host] } },
    rtmp: { listen: { host, port: Number(rtmpPort) } },
    http: { listen: { host, port: Number(httpPort) }, secure: { enabled: false } },
  },
  log: silentLog,
});
await server.start();
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
