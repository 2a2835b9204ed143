import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Credentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Occupancy } from '../../core/net/occupancy.ts';
import type { Session } from '../../core/sessions/session.ts';
import { cleanText, plainAddress } from '../../core/sessions/session-registry.ts';
import { readFragment } from './negotiation/fragment.ts';
import type { Peer } from './peer.ts';
import { headersOf, Problem, problemOf, statusOf } from './problems.ts';
import { credentialsOf, type IceServer, linkHeader } from './requests.ts';
import type { Resource, Resources } from './resources.ts';

export const sdpType = 'application/sdp';
export const fragmentType = 'application/trickle-ice-sdpfrag';

export interface EndpointSettings {
  readonly protocol: 'whip' | 'whep';
  /** For the page of the interface. */
  readonly summary: string;
  readonly iceServers: readonly IceServer[];
}

export interface EndpointDependencies {
  readonly core: Core;
  readonly resources: Resources;
  readonly occupancy: Occupancy;
  /** Answers an offer. */
  readonly connect: (offer: {
    readonly sdp: string;
    readonly name: string;
    readonly session: Session;
    readonly credentials: Credentials;
  }) => Promise<Peer>;
}

interface EndpointParams {
  readonly name: string;
}

interface ResourceParams extends EndpointParams {
  readonly id: string;
}

/** Bytes: of an offer, and of a fragment. */
const largestBody = 262_144;
const exposed = 'Location, ETag, Link, Accept-Post, Accept-Patch, Retry-After, WWW-Authenticate';

/** An endpoint at `/NAME` and its sessions at `/NAME/ID`: what WHIP (RFC 9725) and WHEP have in common. */
export function addSignallingRoutes(
  app: FastifyInstance,
  settings: EndpointSettings,
  dependencies: EndpointDependencies,
): void {
  const { protocol, iceServers } = settings;
  const { core, resources } = dependencies;
  const links = linkHeader(iceServers);
  const tags = [protocol];
  for (const type of [sdpType, fragmentType]) {
    app.addContentTypeParser(type, { parseAs: 'string', bodyLimit: largestBody }, (_request, body, done) =>
      done(null, body),
    );
  }
  app.addHook('onRequest', async (_request, reply) => void reply.header('access-control-expose-headers', exposed));
  app.setErrorHandler(async (error, request, reply) => answerProblem(error, request, reply, core));

  app.route<{ Params: EndpointParams }>({
    method: 'POST',
    url: '/:name',
    schema: { tags, summary: settings.summary, consumes: [sdpType] },
    handler: async (request, reply) => {
      const sdp = readBody(request, sdpType);
      const resource = await createResource(request, reply, sdp, settings, dependencies);
      if (links !== undefined) reply.header('link', links);
      return reply
        .code(201)
        .headers({ location: resource.path, etag: resource.etag, 'accept-patch': fragmentType })
        .header('content-type', sdpType)
        .send(resource.peer.answer);
    },
  });
  app.route<{ Params: ResourceParams }>({
    method: 'PATCH',
    url: '/:name/:id',
    schema: { tags, summary: 'Trickles candidates, or restarts ICE', consumes: [fragmentType] },
    handler: async (request, reply) => {
      const resource = findResource(request);
      const fragment = readFragment(readBody(request, fragmentType));
      resource.checkCondition(request.headers['if-match']);
      const answer = await resource.takeIce(fragment);
      if (answer === undefined) return reply.code(204).send();
      return reply.code(200).header('etag', resource.etag).header('content-type', fragmentType).send(answer);
    },
  });
  app.route<{ Params: ResourceParams }>({
    method: 'DELETE',
    url: '/:name/:id',
    schema: { tags, summary: 'Ends the session' },
    handler: async (request, reply) => {
      await findResource(request).close({ code: 'done' });
      return reply.code(200).send();
    },
  });
  // RFC 9725 4.1: no representation of either is defined.
  app.get<{ Params: ResourceParams }>('/:name/:id', { schema: { hide: true } }, async (request, reply) => {
    findResource(request);
    return reply.code(204).send();
  });
  app.get('/:name', { schema: { hide: true } }, async (_request, reply) => reply.code(204).send());
  app.options('/:name', { schema: { hide: true } }, async (_request, reply) => {
    if (links !== undefined) reply.header('link', links); // RFC 9725 4.6: for clients that must know before they offer
    return reply.code(200).headers({ 'accept-post': sdpType, allow: 'POST, OPTIONS' }).send();
  });
  app.options('/:name/:id', { schema: { hide: true } }, async (_request, reply) =>
    reply.code(200).headers({ 'accept-patch': fragmentType, allow: 'PATCH, DELETE, OPTIONS' }).send(),
  );
  refuseOthers(app);

  function findResource(request: FastifyRequest<{ Params: ResourceParams }>): Resource {
    const { name, id } = request.params;
    const resource = resources.find(protocol, name, id);
    if (resource === undefined) throw new Problem(404, 'There is no such session.');
    if (resource.isOwnedBy(credentialsOf(request.headers, request.url).token)) return resource;
    const challenge = { 'www-authenticate': 'Bearer realm="switchyard"' };
    throw new Problem(401, 'The session was opened with a token, which has to be shown.', challenge);
  }
}

/** RFC 9725 4.2: reserved for what is to come. */
function refuseOthers(app: FastifyInstance): void {
  app.route({
    method: ['PUT', 'PATCH', 'DELETE'],
    url: '/:name',
    schema: { hide: true },
    handler: async () => {
      throw new Problem(405, 'Only POST does something here.', { allow: 'POST, OPTIONS' });
    },
  });
  app.route({
    method: ['POST', 'PUT'],
    url: '/:name/:id',
    schema: { hide: true },
    handler: async () => {
      throw new Problem(405, 'Only PATCH and DELETE do something here.', { allow: 'PATCH, DELETE, OPTIONS' });
    },
  });
}

function readBody(request: FastifyRequest, type: string): string {
  const given = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (given !== type) throw new Problem(415, `The body has to be ${type}.`);
  return typeof request.body === 'string' ? request.body : '';
}

/** Admission → session → peer → resource. A client that goes before it is answered takes its session with it. */
async function createResource(
  request: FastifyRequest<{ Params: EndpointParams }>,
  reply: FastifyReply,
  sdp: string,
  { protocol }: EndpointSettings,
  { core, resources, occupancy, connect }: EndpointDependencies,
): Promise<Resource> {
  const { name } = request.params;
  const address = plainAddress(request.ip);
  const limit = occupancy.findLimit(address);
  if (limit !== undefined) throw new SwitchyardError('limit-reached', { what: `sessions of ${protocol}`, limit });
  const found: { peer?: Peer } = {};
  const session = core.sessions.open({
    protocol,
    remoteAddress: request.ip,
    agent: request.headers['user-agent'] ?? '',
    parent: core.scope,
    inspect: () => ({ stream: cleanText(name), ...found.peer?.inspect() }),
  });
  session.scope.defer(occupancy.enter(address));
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) void session.scope.close({ code: 'peer-left' });
  });
  const credentials = credentialsOf(request.headers, request.url);
  try {
    await core.access.admit({ action: 'connect', session, credentials });
    const peer = await connect({ sdp, name, session, credentials });
    found.peer = peer;
    peer.scope.defer((reason) => void session.scope.close(reason));
    return resources.add({ protocol, name, token: credentials.token, session, peer });
  } catch (error) {
    await session.scope.close({ code: 'refused', error });
    throw error;
  }
}

function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, core: Core): FastifyReply {
  const status = statusOf(error);
  if (status === 500) {
    core.observe.log.error('A request failed.', { method: request.method, error: describeError(error) });
  }
  const hasShownToken = credentialsOf(request.headers, request.url).token !== undefined;
  if (status === 415) reply.headers(acceptedBy(request.method)); // RFC 9110 15.5.16
  return reply
    .code(status)
    .headers(headersOf(error, hasShownToken))
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify(problemOf(error)));
}

function acceptedBy(method: string): Record<string, string> {
  return method === 'PATCH' ? { 'accept-patch': fragmentType } : { 'accept-post': sdpType };
}
