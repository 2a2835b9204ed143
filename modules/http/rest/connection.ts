import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Session } from '../../../core/sessions/session.ts';
import type { SessionRegistry } from '../../../core/sessions/session-registry.ts';
import { HttpError } from '../errors.ts';
import { matches } from './filter.ts';

/** A connection as WCS shows it (reference d.2): here, a session of any protocol. */
export const ConnectionObject = Type.Object(
  {
    nodeId: Type.String(),
    appKey: Type.String(),
    sessionId: Type.String(),
    status: Type.String(),
    mediaProviders: Type.Array(Type.String()),
    clientVersion: Type.String({ description: 'What the peer calls itself.' }),
    remoteAddress: Type.String(),
    createDate: Type.Integer({ description: 'Unix time in ms.' }),
    useDTLS: Type.Boolean(),
    useProxy: Type.Boolean(),
    useWsTunnel: Type.Boolean(),
  },
  { $id: 'Connection', title: 'Connection' },
);
export type ConnectionObject = Static<typeof ConnectionObject>;

const Filter = Type.Partial(Type.Omit(ConnectionObject, ['mediaProviders']), { additionalProperties: false });
const Connections = Type.Array(ConnectionObject);
const Termination = Type.Object({ sessionId: Type.String() }, { additionalProperties: false });

export function describeConnection(session: Session, nodeId: string): ConnectionObject {
  return {
    nodeId,
    appKey: 'defaultApp',
    sessionId: session.id,
    status: 'ESTABLISHED',
    mediaProviders: [session.protocol],
    clientVersion: session.agent,
    remoteAddress: session.remoteAddress,
    createDate: Math.round(session.startedAt / 1_000),
    useDTLS: false,
    useProxy: false,
    useWsTunnel: false,
  };
}

/** `/rest-api/connection/…`: who is connected. */
export function addConnectionRoutes(
  app: FastifyInstance,
  { sessions, nodeId }: { sessions: SessionRegistry; nodeId: string },
): void {
  const find = (filter: Static<typeof Filter>): ConnectionObject[] => {
    const found: ConnectionObject[] = [];
    for (const session of sessions.all()) {
      const object = describeConnection(session, nodeId);
      if (matches(object, filter)) found.push(object);
    }
    if (found.length === 0) throw new HttpError(404, 'No connection matches.');
    return found;
  };

  for (const method of ['GET', 'POST'] as const) {
    app.route({
      method,
      url: '/find_all',
      schema: { tags: ['connection'], summary: 'All connections', response: { 200: Connections } },
      handler: async () => find({}),
    });
  }
  app.route<{ Querystring: Static<typeof Filter> }>({
    method: 'GET',
    url: '/find',
    schema: {
      tags: ['connection'],
      summary: 'Connections with these values',
      querystring: Filter,
      response: { 200: Connections },
    },
    handler: async (request) => find(request.query),
  });
  app.route<{ Body: Static<typeof Filter> | undefined }>({
    method: 'POST',
    url: '/find',
    schema: {
      tags: ['connection'],
      summary: 'Connections with these values',
      body: Filter,
      response: { 200: Connections },
    },
    handler: async (request) => find(request.body ?? {}),
  });
  app.route<{ Body: Static<typeof Termination> }>({
    method: 'POST',
    url: '/terminate',
    schema: { tags: ['connection'], summary: 'Ends one connection', body: Termination },
    handler: async (request, reply) => {
      const session = sessions.find(request.body.sessionId);
      if (session === undefined) throw new HttpError(404, 'No connection matches.');
      await session.scope.close({ code: 'terminated', detail: 'Stopped by rest /terminate' });
      return reply.code(200).send();
    },
  });
}
