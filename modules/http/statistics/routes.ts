import type { FastifyReply } from 'fastify';
import type { Metrics } from '../../../core/observe/metrics.ts';
import { HttpError } from '../errors.ts';
import { canonicalGroup, formatText, selectGroups } from './format.ts';
import type { StatisticsReader } from './statistics.ts';

/** Of `/?action=stat`. */
export interface StatisticsQuery {
  readonly action?: string;
  readonly format?: string;
  readonly groups?: string;
}

/** Answers `/?action=stat&format=…&groups=…` (reference g). */
export async function answerStatistics(
  query: StatisticsQuery,
  reply: FastifyReply,
  { reader, metrics }: { reader: StatisticsReader; metrics: Metrics },
): Promise<FastifyReply> {
  const { format = 'text', groups } = query;
  switch (format) {
    case 'text':
      return reply.type('text/plain; charset=utf-8').send(formatText(selectGroups(reader.read(), groups)));
    case 'json': {
      const asked = (groups ?? '').split(',').some((group) => canonicalGroup(group.trim()) === 'transcoding');
      const transcoding = asked ? { transcoding_stats: reader.readTranscoding() } : {};
      return reply.send({ ...Object.fromEntries(selectGroups(reader.read(), groups)), ...transcoding });
    }
    case 'prometheus':
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics.text());
    default:
      throw new HttpError(400, 'The formats are text, json and prometheus.');
  }
}
