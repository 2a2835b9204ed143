import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions as FastifyRoute } from 'fastify';
import { describeError } from '../../core/errors.ts';
import type { Log } from '../../core/observe/log.ts';
import { cleanText } from '../../core/sessions/session-registry.ts';
import type { Clock } from '../../core/time/clock.ts';
import { toMillis } from '../../core/time/micros.ts';
import type { Administration } from './administration.ts';
import type { RouteBuilder, RouteOptions } from './contract.ts';
import { errorBody, HttpError, statusOf } from './errors.ts';
import { isForeign, isNamed } from './origin.ts';

export interface ApplicationSettings {
  readonly prefix: string;
  readonly access: RouteOptions['access'];
  /** Bytes. */
  readonly bodyLimit: number;
  /** Origins whose pages may read answers and change things; `*` is every one. */
  readonly origins: readonly string[];
}

export interface ApplicationDependencies {
  readonly administration: Administration;
  readonly clock: Clock;
  readonly log: Log;
  /** Hears of each route, for the page of the interface. */
  readonly onRoute: (route: FastifyRoute) => void;
}

/** What every answer carries unless its route says otherwise. */
const guardingHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** An application with the house's rules: access, origin, JSON, errors. Never listens by itself. */
export async function makeApplication(
  settings: ApplicationSettings,
  dependencies: ApplicationDependencies,
  build: RouteBuilder,
): Promise<FastifyInstance> {
  // Loaded with the first request: at start it would cost a tenth of a second.
  const { default: fastify } = await import('fastify');
  const app: FastifyInstance = fastify({
    logger: false,
    bodyLimit: settings.bodyLimit,
    exposeHeadRoutes: true,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    routerOptions: { maxParamLength: 1_024, ignoreTrailingSlash: true },
    // Unknown keys are refused, not dropped: a misspelt filter must not match everything.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array', allErrors: false } },
    return503OnClosing: false,
  });
  readJson(app);
  app.addHook('onRoute', dependencies.onRoute);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(guardingHeaders);
    shareWithOrigins(request, reply, settings.origins);
    if (!safeMethods.has(request.method) && isForeign(request.headers, settings.origins)) {
      throw new HttpError(
        403,
        'Pages of other sites may not do this (http.administration.origins names those that may).',
      );
    }
    if (settings.access === 'administration' && !isPreflight(request)) {
      await dependencies.administration.admit({ headers: request.headers, address: request.ip });
    }
  });
  app.setErrorHandler(async (error: unknown, request, reply) => answerError(error, request, reply, dependencies));
  app.setNotFoundHandler(async (request, reply) =>
    answerError(new HttpError(404, 'There is nothing at this path.'), request, reply, dependencies),
  );
  await app.register(
    async (inner) => {
      inner.options('*', async (_request, reply) => reply.code(204).send());
      await build(inner);
    },
    { prefix: settings.prefix },
  );
  await app.ready();
  return app;
}

/** JSON alone, and an empty body is an empty object: WCS clients post without one. */
function readJson(app: FastifyInstance): void {
  app.removeContentTypeParser(['text/plain', 'application/json']);
  const read = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, {});
    else void read(request, body as string, done);
  });
}

function isPreflight(request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
}

/** CORS for the configured origins (Fetch 3.2); credentials come in headers, never in cookies. */
function shareWithOrigins(request: FastifyRequest, reply: FastifyReply, origins: readonly string[]): void {
  const { origin } = request.headers;
  if (origins.length === 0) return;
  reply.header('vary', 'Origin');
  if (origin === undefined || !isNamed(origin, origins)) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('cross-origin-resource-policy', 'cross-origin');
  if (!isPreflight(request)) return;
  reply.header('access-control-allow-methods', 'GET, HEAD, POST, PATCH, DELETE');
  reply.header('access-control-allow-headers', 'authorization, content-type, if-match, x-requested-with');
  reply.header('access-control-max-age', '600');
}

function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { clock, log }: ApplicationDependencies,
): FastifyReply {
  const status = statusOf(error);
  const path = (request.raw.url ?? '').split('?')[0] ?? '';
  if (status === 500) {
    log.error('A request failed.', { method: request.method, path: cleanText(path), error: describeError(error) });
  }
  if (error instanceof HttpError) reply.headers(error.headers);
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send(errorBody(error, { path, now: toMillis(clock.wallNow()) }));
}
