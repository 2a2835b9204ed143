/** The server under test: RTP, RTSP, and RTMP for the publisher. Told its ports as arguments. */
import { silentLog } from '../../core/observe/log.ts';
import { createServer } from '../../core/server.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';

const [rtspPort, rtmpPort, merge = '40ms'] = process.argv.slice(2);
const host = '127.0.0.1';
const server = createServer({
  modules: [rtpModule, rtspModule, rtmpModule],
  config: {
    rtp: { merge },
    rtsp: { listen: { host, port: Number(rtspPort) } },
    rtmp: { listen: { host, port: Number(rtmpPort) } },
  },
  log: silentLog,
});
await server.start();
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
