/**
 * A process of load for the RTMP bench: many players, or many publishers. Spoken to over IPC; reads nothing that it need not,
 * so that it is not what is measured.
 */
import { readFileSync } from 'node:fs';
import { FlvFileReader, type FlvTag, flvTagType } from '../../wire/flv/file.ts';
import type { PlayerReport } from './frame-tally.ts';
import { BenchPlayer } from './rtmp-player.ts';
import { BenchPublisher } from './rtmp-publisher.ts';

export type LoadOrder =
  | { readonly what: 'play'; readonly port: number; readonly name: string; readonly count: number }
  | {
      readonly what: 'publish';
      readonly port: number;
      readonly names: readonly string[];
      readonly clip: string;
      readonly seconds: number;
    }
  | { readonly what: 'mark' }
  | { readonly what: 'sent' }
  | { readonly what: 'report' };

export type LoadAnswer =
  | { readonly what: 'joined'; readonly joinMillis: readonly number[] }
  | { readonly what: 'publishing' }
  | { readonly what: 'sent'; readonly bytes: number }
  | { readonly what: 'marked' }
  | { readonly what: 'report'; readonly players: readonly PlayerReport[] };

function answer(message: LoadAnswer): void {
  process.send?.(message);
}

const players: BenchPlayer[] = [];
const publishers: BenchPublisher[] = [];

async function play(order: Extract<LoadOrder, { what: 'play' }>): Promise<void> {
  // A few at a time: joining is not what is measured here, and a burst of a thousand would fill the accept queue.
  for (let index = 0; index < order.count; index += 10) {
    const batch = Array.from(
      { length: Math.min(10, order.count - index) },
      () => new BenchPlayer(order.port, order.name),
    );
    players.push(...batch);
    await Promise.all(batch.map((player) => player.joined));
  }
  answer({ what: 'joined', joinMillis: players.map((player) => player.joinMillis) });
}

async function publish(order: Extract<LoadOrder, { what: 'publish' }>): Promise<void> {
  const reader = new FlvFileReader();
  reader.push(readFileSync(order.clip));
  const tags: FlvTag[] = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    if (tag.type !== flvTagType.script) tags.push(tag);
  }
  publishers.push(...order.names.map((name) => new BenchPublisher(order.port, name, tags)));
  await Promise.all(publishers.map((publisher) => publisher.ready));
  answer({ what: 'publishing' });
  await Promise.all(publishers.map((publisher) => publisher.run(order.seconds)));
}

process.on('message', (order: LoadOrder) => {
  if (order.what === 'play') void play(order);
  else if (order.what === 'publish') void publish(order);
  else if (order.what === 'sent') {
    answer({ what: 'sent', bytes: publishers.reduce((sum, publisher) => sum + publisher.bytes, 0) });
  } else if (order.what === 'mark') {
    for (const player of players) player.mark();
    answer({ what: 'marked' });
  } else answer({ what: 'report', players: players.map((player) => player.report()) });
});
process.on('disconnect', () => process.exit(0));
