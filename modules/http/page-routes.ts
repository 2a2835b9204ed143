import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AdvertisedUrl } from '../../core/modules/module.ts';
import { HttpError } from './errors.ts';
import { hostOf } from './origin.ts';
import { loadPage, type PageFile } from './page-files.ts';

export interface PageRoutesSettings {
  readonly folder: string;
}

/** Serves the page's files: `/` and what lies below it. */
export async function addPageRoutes(
  app: FastifyInstance,
  settings: PageRoutesSettings,
  urls: () => readonly AdvertisedUrl[],
): Promise<(request: FastifyRequest, reply: FastifyReply) => FastifyReply> {
  const files = await loadPage(settings.folder);
  const send = (name: string, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const file = files.get(name);
    if (file === undefined) {
      const unbuilt = files.size === 0 && name === 'index.html';
      throw new HttpError(
        404,
        unbuilt ? 'The page is not built: scripts/build builds it.' : 'There is nothing at this path.',
      );
    }
    return sendFile(file, request, reply, urls());
  };
  for (const name of files.keys()) {
    if (name !== 'index.html')
      app.get(`/${name}`, { logLevel: 'silent' }, (request, reply) => send(name, request, reply));
  }
  return (request, reply) => send('index.html', request, reply);
}

function sendFile(
  file: PageFile,
  request: FastifyRequest,
  reply: FastifyReply,
  urls: readonly AdvertisedUrl[],
): FastifyReply {
  reply.header('cache-control', file.lasting ? 'public, max-age=31536000, immutable' : 'no-cache');
  reply.header('etag', file.etag);
  reply.header('vary', 'Accept-Encoding');
  if (file.type.startsWith('text/html')) reply.header('content-security-policy', pagePolicy(request, urls));
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  reply.type(file.type);
  const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (file.gzipped === undefined || !takesGzip) return reply.send(file.body);
  return reply.header('content-encoding', 'gzip').send(file.gzipped);
}

/**
 * The page loads from here alone, media from the ports that modules advertise for playing over HTTP, and the client protocol
 * from the ports of WebSocket.
 */
function pagePolicy(request: FastifyRequest, urls: readonly AdvertisedUrl[]): string {
  const host = hostOf(request.headers);
  const media = new Set<string>();
  const sockets = new Set<string>();
  for (const { direction, protocol, url } of urls) {
    const [, scheme, port] = /^(https?|wss?):\/\/HOST(:\d+)?(?:\/|$)/.exec(url) ?? [];
    if (scheme === undefined || host === undefined) continue;
    const origin = `${scheme}://${host}${port ?? ''}`;
    if (direction === 'play' && scheme.startsWith('http')) media.add(origin);
    if (direction === 'open' && protocol === 'websocket') sockets.add(origin);
  }
  const sources = ["'self'", ...media].join(' ');
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `media-src blob: ${sources}`,
    `connect-src ${[sources, ...sockets].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
