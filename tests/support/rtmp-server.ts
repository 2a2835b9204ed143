import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';

export interface RtmpTestServer {
  readonly server: Server;
  readonly port: number;
  /** What the module says of itself. */
  inspect(): Record<string, unknown>;
  stop(): Promise<void>;
}

/** A server with the RTMP module alone, on a port that the system chooses. */
export async function startRtmpServer(
  rtmp: Record<string, unknown> = {},
  streams: Record<string, unknown> = {},
): Promise<RtmpTestServer> {
  const server = createServer({
    modules: [rtmpModule],
    config: { streams, rtmp: { listen: { host: '127.0.0.1', port: 0 }, ...rtmp } },
    log: silentLog,
  });
  await server.start();
  const inspect = (): Record<string, unknown> => server.inspect().modules[0]?.detail ?? {};
  const { plain } = inspect()['ports'] as { plain: number };
  return { server, port: plain, inspect, stop: () => server.stop() };
}
