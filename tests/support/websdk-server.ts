import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { httpModule } from '../../modules/http/index.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import { websocketModule } from '../../modules/websocket/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { ForeignProgram } from './foreign-program.ts';
import { websocketTree } from './websocket-server.ts';

/** What a WCS server is to its SDK: signalling, WebRTC, REST, RTMP and the transcoders, on loopback. */
export class WebsdkServer {
  readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
  }

  static async start(websocket: object = {}, others: object = {}): Promise<WebsdkServer> {
    const listen = { host: '127.0.0.1', port: 0 };
    const server = createServer({
      modules: [rtmpModule, rtpModule, httpModule, webrtcModule, websocketModule, ...transcoders] as Parameters<
        typeof createServer
      >[0]['modules'],
      log: silentLog,
      config: {
        server: { drain: '1s' },
        streams: { reconnectGrace: '200ms', renditions: { linger: '0', cores: 8 } },
        rtmp: { listen },
        rtp: { peers: { addresses: ['127.0.0.1'] } },
        http: { listen, secure: { enabled: false } },
        websocket: websocketTree({ ...websocket }),
        ...others,
      },
    });
    await server.start();
    return new WebsdkServer(server);
  }

  /** Where the SDK connects to. */
  get port(): number {
    return Number(/:(\d+)\//.exec(this.#find('ws://'))?.[1]);
  }

  /** Asks the REST API; gives status and answer. */
  async ask(path: string, body: object = {}): Promise<{ status: number; answer: unknown }> {
    const response = await fetch(`${this.#find('http://')}rest-api/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, answer: text === '' ? undefined : JSON.parse(text) };
  }

  /** ffmpeg publishes a counting picture of 640 by 360 and a tone by RTMP, in real time. */
  publishRtmp(name: string, options: readonly string[] = []): ForeignProgram {
    return new ForeignProgram('ffmpeg', [
      ...['-hide_banner', '-loglevel', 'error', '-nostdin'],
      ...['-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'],
      ...['-f', 'lavfi', '-i', 'sine=frequency=700:sample_rate=48000', '-t', '120'],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25', '-bf', '0', '-pix_fmt', 'yuv420p', ...options],
      ...['-c:a', 'aac', '-ac', '2', '-f', 'flv', this.#find('rtmp://').replace('NAME', name)],
    ]);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  #find(start: string): string {
    return (this.server.urls().find(({ url }) => url.startsWith(start))?.url ?? '').replace('HOST', '127.0.0.1');
  }
}
