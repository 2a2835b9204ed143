import { connect, type Socket } from 'node:net';
import { noCredentials } from '../../core/access/access-control.ts';
import { flag, type Infer, section } from '../../core/config/schema.ts';
import type { Module } from '../../core/modules/module.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import type { Publication } from '../../core/streams/publication.ts';
import { HttpRoutes } from '../../modules/http/contract.ts';
import { httpModule } from '../../modules/http/index.ts';
import { audioFrame, fakeAac, fakeH264, videoFrame } from './fake-media.ts';

export interface HttpTestServer {
  readonly server: Server;
  readonly port: number;
  readonly securePort: number;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
}

/** A server with the http module alone, on loopback and ports of the system's choice. */
export async function startHttpServer(
  http: object = {},
  modules: readonly Module[] = [],
  onPasswordMade: (user: string, password: string) => void = () => undefined,
  others: object = {},
): Promise<HttpTestServer> {
  const config = httpTree(http, others);
  const server = createServer({ modules: [httpModule, ...modules], log: silentLog, config, onPasswordMade });
  await server.start();
  const portOf = (scheme: string): number => {
    const url = server.urls().find((entry) => entry.url.startsWith(`${scheme}://`))?.url ?? '';
    return Number(/:(\d+)\//.exec(url)?.[1] ?? 0);
  };
  const port = portOf('http');
  return { server, port, securePort: portOf('https'), origin: `http://127.0.0.1:${port}` };
}

/** The configuration of `startHttpServer`. */
export function httpTree(http: object = {}, others: object = {}): Record<string, unknown> {
  const loopback = { host: '127.0.0.1', port: 0 };
  return { server: { drain: '1s' }, http: { listen: loopback, secure: loopback, ...http }, ...others };
}

/** A live stream with two seconds of video and audio. */
export async function publishFake(server: Server, name: string): Promise<Publication> {
  const { sessions, streams, scope } = server.core;
  const session = sessions.open({ protocol: 'rtmp', remoteAddress: '127.0.0.1', agent: 'test', parent: scope });
  const publication = await streams.publish({ name, session, credentials: noCredentials, onConflict: 'refuse' });
  const videoCodec = fakeH264();
  const audioCodec = fakeAac();
  const video = publication.addTrack(videoCodec);
  const audio = publication.addTrack(audioCodec);
  for (let index = 0; index < 90; index += 1) video.write(videoFrame(videoCodec, index, { size: 1_000 }));
  for (let index = 0; index < 150; index += 1) audio.write(audioFrame(audioCodec, index));
  return publication;
}

const guestConfig = section({ loud: flag({ default: false, about: 'Whether it shouts.' }) });

/** A module that hangs routes and an upgrade on HTTP, as others do. */
export const guest: Module<Infer<typeof guestConfig>> = {
  name: 'guest',
  about: 'Greets.',
  config: guestConfig,
  requires: [HttpRoutes],
  configure: (core, config) => {
    const routes = core.services.get(HttpRoutes);
    routes.mount('/rest-api/guest', core.scope, { access: 'public' }, (app) => {
      app.get('/hello', { schema: { summary: 'Greets' } }, () => ({ hello: config.loud ? 'WORLD' : 'world' }));
    });
    routes.upgrade('/guest', core.scope, (_request, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\ntaken');
    });
    return { start: async () => undefined, stop: async () => undefined };
  },
};

export interface RawExchange {
  readonly socket: Socket;
  /** All that came until the peer closed. */
  readonly closed: Promise<string>;
}

/** Sends bytes as they are, and reads until the server closes. */
export function sendRaw(port: number, text: string): RawExchange {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  const closed = new Promise<string>((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
  if (text !== '') socket.write(text);
  return { socket, closed };
}
