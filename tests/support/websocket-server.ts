import type { Module } from '../../core/modules/module.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { websocketModule } from '../../modules/websocket/index.ts';

export interface WebSocketTestServer {
  readonly server: Server;
  readonly port: number;
  /** What the module says of itself. */
  inspect(): Record<string, unknown>;
}

/** The configuration of the module on a port that the system chooses, without TLS. */
export function websocketTree(websocket: Record<string, unknown> = {}): Record<string, unknown> {
  return { listen: { host: '127.0.0.1', port: 0 }, secure: { enabled: false }, ...websocket };
}

/** A server with the websocket module, and others where a test needs them. */
export async function startWebSocketServer(
  websocket: Record<string, unknown> = {},
  others: { readonly modules?: readonly Module[]; readonly config?: Record<string, unknown> } = {},
): Promise<WebSocketTestServer> {
  const server = createServer({
    modules: [...(others.modules ?? []), websocketModule] as Module[],
    config: { server: { drain: '500ms' }, websocket: websocketTree(websocket), ...others.config },
    log: silentLog,
  });
  await server.start();
  const inspect = (): Record<string, unknown> =>
    server.inspect().modules.find(({ module }) => module === 'websocket')?.detail ?? {};
  return { server, port: (inspect()['ports'] as { plain: number }).plain, inspect };
}
