import assert from 'node:assert/strict';
import type { Module } from '../../core/modules/module.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';

/** A server with RTSP on loopback, and with what else a test asks for. */
export class RtspTestServer {
  readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
  }

  /** `rtsp` is the section of RTSP beyond its port, `others` are the sections beside it. */
  static async start(
    rtsp: Record<string, unknown> = {},
    others: Record<string, unknown> = {},
    modules: readonly unknown[] = [],
  ): Promise<RtspTestServer> {
    const server = createServer({
      modules: [rtpModule, rtspModule, ...modules] as Module[],
      config: { rtsp: { listen: { host: '127.0.0.1', port: 0 }, ...rtsp }, ...others },
      log: silentLog,
    });
    await server.start();
    return new RtspTestServer(server);
  }

  get port(): number {
    return Number(/:(\d+)\//.exec(this.url('rtsp', ''))?.[1]);
  }

  /** Of a stream, by the scheme of a protocol that is served. */
  url(scheme: string, name: string): string {
    const found = this.server.urls().find(({ url }) => url.startsWith(`${scheme}://`))?.url ?? '';
    return found.replace('HOST', '127.0.0.1').replaceAll('NAME', name);
  }

  /** Whether somebody who plays `name` now finds all of its tracks. */
  isReady(name: string): boolean {
    return this.server.core.streams.find(name)?.settling.settled === true;
  }

  /** Nothing is left over. */
  async stop(): Promise<void> {
    await this.server.stop();
    assert.equal(this.server.core.scope.openScopes, 0);
  }
}
