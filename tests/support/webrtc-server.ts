import { type Log, silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { httpModule } from '../../modules/http/index.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import { transcoders } from '../../transcoders/index.ts';

export interface WebRtcTestServer {
  readonly server: Server;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** `rtmp://127.0.0.1:PORT/live/NAME` */
  url(protocol: 'rtmp' | 'rtsp', name: string): string;
}

/** WebRTC with HTTP, RTMP, RTSP and the transcoders, on loopback and ports of the system's choice. */
export async function startWebRtcServer(config: object = {}, log: Log = silentLog): Promise<WebRtcTestServer> {
  const listen = { host: '127.0.0.1', port: 0 };
  const off = { enabled: false };
  const server = createServer({
    modules: [rtmpModule, rtpModule, rtspModule, httpModule, webrtcModule, ...transcoders] as Parameters<
      typeof createServer
    >[0]['modules'],
    log,
    config: {
      server: { drain: '1s' },
      streams: { renditions: { linger: '0', cores: 8 } },
      rtmp: { listen },
      rtsp: { listen },
      rtp: { peers: { addresses: ['127.0.0.1'] } },
      http: { listen, secure: off },
      ...config,
    },
  });
  await server.start();
  const find = (start: string): string =>
    (server.urls().find(({ url }) => url.startsWith(start))?.url ?? '').replace('HOST', '127.0.0.1');
  return {
    server,
    origin: find('http://').replace(/\/$/, ''),
    url: (protocol, name) => find(`${protocol}://`).replace('NAME', name),
  };
}
