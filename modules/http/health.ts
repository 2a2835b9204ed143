import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { ServerControl } from '../../core/modules/server-control.ts';

const ready = Type.Object({
  status: Type.Union([Type.Literal('ready'), Type.Literal('not-ready')]),
  /** Modules that do not run, with their state. */
  waiting: Type.Record(Type.String(), Type.String()),
});

/** Is the process alive, and does every enabled module accept clients? */
export function addHealth(app: FastifyInstance, control: ServerControl | undefined, stopping: () => boolean): void {
  app.get('/live', { schema: { tags: ['health'], summary: 'Whether the process answers at all' } }, () => ({
    status: 'live',
  }));
  app.get(
    '/ready',
    {
      schema: {
        tags: ['health'],
        summary: 'Whether every enabled module accepts clients',
        response: { 200: ready, 503: ready },
      },
    },
    (_request, reply) => {
      const waiting = (control?.inspect().modules ?? []).filter(({ state }) => state !== 'running');
      const isReady = waiting.length === 0 && !stopping();
      return reply.code(isReady ? 200 : 503).send({
        status: isReady ? 'ready' : 'not-ready',
        waiting: Object.fromEntries(waiting.map(({ module, state }) => [module, state])),
      });
    },
  );
}
