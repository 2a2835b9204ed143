import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { TranscodedStream, TranscodedStreams } from './transcoded-streams.ts';

const Encoder = Type.Object(
  {
    width: Type.Optional(Type.Integer({ minimum: 16, maximum: 7_680 })),
    height: Type.Optional(Type.Integer({ minimum: 16, maximum: 4_320 })),
    keyFrameInterval: Type.Optional(Type.Integer({ minimum: 1, maximum: 600 })),
    fps: Type.Optional(Type.Integer({ minimum: 1, maximum: 120 })),
    bitrate: Type.Optional(Type.Integer({ minimum: 20, maximum: 100_000, description: 'kbit/s' })),
    type: Type.Optional(Type.String({ maxLength: 40, description: 'Taken and shown; the picture is always H.264.' })),
  },
  { additionalProperties: false },
);
const Startup = Type.Object(
  {
    uri: Type.String({ pattern: '^transcoder2?://[\\w.-]{1,100}$' }),
    remoteStreamName: Type.String({ minLength: 1, maxLength: 1_024, description: 'The stream to read.' }),
    localStreamName: Type.String({ minLength: 1, maxLength: 200, description: 'The stream to make.' }),
    encoder: Type.Optional(Encoder),
  },
  { additionalProperties: false },
);
const Transcoder = Type.Object(
  {
    localMediaSessionId: Type.String(),
    localStreamName: Type.String(),
    remoteStreamName: Type.String(),
    uri: Type.String(),
    status: Type.String(),
    hasAudio: Type.Boolean(),
    hasVideo: Type.Boolean(),
    record: Type.Boolean(),
    encoder: Encoder,
  },
  { $id: 'Transcoder', title: 'Transcoder' },
);
type Transcoder = Static<typeof Transcoder>;
const Filter = Type.Partial(Type.Omit(Transcoder, ['encoder']), { additionalProperties: false });
const Transcoders = Type.Array(Transcoder);

/** `/rest-api/transcoder/…` (reference d.2). */
export function addTranscoderRoutes(app: FastifyInstance, streams: TranscodedStreams): void {
  const tags = ['transcoder'];
  const find = (filter: Static<typeof Filter>): TranscodedStream[] =>
    streams.all().filter((stream) => {
      const object: Readonly<Record<string, unknown>> = { ...describe(stream) };
      return Object.entries(filter).every(([key, wanted]) => wanted === undefined || object[key] === wanted);
    });
  const answer = (found: readonly TranscodedStream[], reply: FastifyReply) =>
    found.length === 0 ? refuse(reply, 404, 'No transcoder matches.') : found.map(describe);

  app.route<{ Body: Static<typeof Startup> }>({
    method: 'POST',
    url: '/startup',
    schema: { tags, summary: 'Makes a stream of another', body: Startup },
    handler: async (request, reply) => {
      const { uri, encoder = {} } = request.body;
      if (streams.has(uri)) return refuse(reply, 409, `The transcoder ${uri} runs already.`);
      await streams.start({ ...request.body, encoder });
      return reply.code(200).send();
    },
  });
  for (const method of ['GET', 'POST'] as const) {
    app.route({
      method,
      url: '/find_all',
      schema: { tags, summary: 'All transcoders', response: { 200: Transcoders } },
      handler: async (_request, reply) => answer(streams.all(), reply),
    });
  }
  app.route<{ Body: Static<typeof Filter> | undefined }>({
    method: 'POST',
    url: '/find',
    schema: { tags, summary: 'Transcoders with these values', body: Filter, response: { 200: Transcoders } },
    handler: async (request, reply) => answer(find(request.body ?? {}), reply),
  });
  app.route<{ Body: Static<typeof Filter> | undefined }>({
    method: 'POST',
    url: '/terminate',
    schema: { tags, summary: 'Ends transcoders and the streams they make', body: Filter },
    handler: async (request, reply) => {
      const found = find(request.body ?? {});
      if (found.length === 0) return refuse(reply, 404, 'No transcoder matches.');
      await Promise.all(found.map(({ scope }) => scope.close({ code: 'terminated', detail: 'by REST' })));
      return reply.code(200).send();
    },
  });
}

function describe(stream: TranscodedStream): Transcoder {
  const { localMediaSessionId, localStreamName, remoteStreamName, uri, status, hasAudio, hasVideo, encoder } = stream;
  const names = { localMediaSessionId, localStreamName, remoteStreamName, uri };
  return { ...names, status, hasAudio, hasVideo, record: false, encoder };
}

/** Fastify's own error: the module http gives every error its form. */
function refuse(_reply: FastifyReply, statusCode: number, message: string): never {
  throw Object.assign(new Error(message), { statusCode });
}
