import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { noCredentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import type { Snapshots } from '../../core/renditions/snapshots.ts';
import { parseStreamName } from '../../core/streams/stream-name.ts';

const thumbnailWidth = 320;
/** How long a browser may show a thumbnail without asking again. */
const thumbnailSeconds = 5;

const Request = Type.Object(
  {
    streamName: Type.String({ minLength: 1, maxLength: 200 }),
    format: Type.Optional(
      Type.Union([Type.Literal('png'), Type.Literal('jpeg')], { description: 'png when not told' }),
    ),
    width: Type.Optional(Type.Integer({ minimum: 16, maximum: 7_680 })),
  },
  { additionalProperties: false },
);
const Answer = Type.Object({ data: Type.String({ description: 'The picture, in base64.' }) });

/** `/rest-api/stream/snapshot` (reference d.2). */
export function addSnapshotRoutes(app: FastifyInstance, snapshots: () => Snapshots): void {
  app.route<{ Body: Static<typeof Request> }>({
    method: 'POST',
    url: '/',
    schema: {
      tags: ['stream'],
      summary: 'The picture of the newest keyframe of a stream',
      body: Request,
      response: { 200: Answer },
    },
    handler: async (request) => {
      const { streamName, format = 'png', width } = request.body;
      const picture = await snapshots().take(streamName, { format, ...(width === undefined ? {} : { width }) });
      return { data: picture.toString('base64') };
    },
  });
}

/** `/thumbnails/NAME.jpg`: for whom the policies let play the stream. */
export function addThumbnailRoutes(app: FastifyInstance, core: Core, snapshots: () => Snapshots): void {
  app.route<{ Params: { file: string } }>({
    method: 'GET',
    url: '/:file',
    schema: {
      tags: ['page'],
      summary: 'A small picture of a live stream',
      params: Type.Object({ file: Type.String() }),
    },
    handler: async (request, reply) => {
      const stream = parseStreamName(request.params.file.replace(/\.jpg$/, ''));
      const session = core.sessions.open({ protocol: 'http', remoteAddress: request.ip, parent: core.scope });
      try {
        await core.access.admit({ action: 'play', session, stream, credentials: noCredentials });
        const picture = await snapshots().take(stream, { format: 'jpeg', width: thumbnailWidth });
        return await reply
          .header('content-type', 'image/jpeg')
          .header('cache-control', `max-age=${thumbnailSeconds}`)
          .send(picture);
      } finally {
        await session.scope.close({ code: 'done' });
      }
    },
  });
}
