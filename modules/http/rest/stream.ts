import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { HttpError } from '../errors.ts';
import type { MediaSession, MediaSessions, RateMeter } from '../streams.ts';
import { matches } from './filter.ts';
import { describeMetrics, describeStream, StreamObject } from './stream-object.ts';

const fields = Type.Partial(Type.Omit(StreamObject, ['metrics', 'audioState', 'videoState']));
const Filter = Type.Composite([fields, Type.Object({ display: Type.Optional(Type.Array(Type.String())) })], {
  additionalProperties: false,
});
const Termination = Type.Composite(
  [fields, Type.Object({ mediaSessionIds: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000 })) })],
  { additionalProperties: false },
);
const Streams = Type.Array(StreamObject);

export interface StreamRoutesDependencies {
  readonly sessions: MediaSessions;
  readonly rates: RateMeter;
  readonly nodeId: string;
}

/** `/rest-api/stream/…` (reference d.2): publications and viewers, to look at and to end. */
export function addStreamRoutes(app: FastifyInstance, dependencies: StreamRoutesDependencies): void {
  const { sessions, rates, nodeId } = dependencies;

  const find = (filter: Static<typeof Filter>): StreamObject[] => {
    const wantsMetrics = filter.display?.includes('metrics') === true;
    const found: StreamObject[] = [];
    for (const session of sessions.all()) {
      const object = describeStream(session, rates, nodeId);
      if (!matches(object, filter)) continue;
      found.push(wantsMetrics ? { ...object, metrics: describeMetrics(session, rates) } : object);
    }
    if (found.length === 0) throw new HttpError(404, 'No stream matches.');
    return found;
  };

  for (const method of ['GET', 'POST'] as const) {
    app.route({
      method,
      url: '/find_all',
      schema: { tags: ['stream'], summary: 'All streams, publishers and viewers', response: { 200: Streams } },
      handler: async () => find({}),
    });
  }
  app.route<{ Querystring: Static<typeof Filter> }>({
    method: 'GET',
    url: '/find',
    schema: {
      tags: ['stream'],
      summary: 'Streams with these values',
      querystring: Filter,
      response: { 200: Streams },
    },
    handler: async (request) => find(request.query),
  });
  app.route<{ Body: Static<typeof Filter> | undefined }>({
    method: 'POST',
    url: '/find',
    schema: { tags: ['stream'], summary: 'Streams with these values', body: Filter, response: { 200: Streams } },
    handler: async (request) => find(request.body ?? {}),
  });
  app.route<{ Body: Static<typeof Termination> | undefined }>({
    method: 'POST',
    url: '/terminate',
    schema: { tags: ['stream'], summary: 'Ends streams; without a filter, all of them', body: Termination },
    handler: async (request, reply) => {
      const { mediaSessionIds, ...filter } = request.body ?? {};
      const wanted = mediaSessionIds === undefined ? undefined : new Set(mediaSessionIds);
      const ending = [...sessions.all()].filter(
        (session) =>
          (wanted === undefined || wanted.has(session.id)) && matches(describeStream(session, rates, nodeId), filter),
      );
      if (ending.length === 0) throw new HttpError(404, 'No stream matches.');
      await Promise.all(ending.map(terminate));
      return reply.code(200).send();
    },
  });
}

/** The publisher's stream ends at once, with no grace to come back in; of a viewer, the viewing alone. */
async function terminate(session: MediaSession): Promise<void> {
  const reason = { code: 'terminated', detail: 'Stopped by rest /terminate' } as const;
  await session.holder.scope.close(reason);
}
