/** A process of load for the RTSP bench: many players. Spoken to over IPC, as that of the RTMP bench. */
import type { LoadAnswer } from './rtmp-load.ts';
import { RtspBenchPlayer } from './rtsp-player.ts';

export type RtspLoadOrder =
  | {
      readonly what: 'play';
      readonly port: number;
      readonly name: string;
      readonly count: number;
      readonly udp: boolean;
    }
  | { readonly what: 'mark' }
  | { readonly what: 'report' };

function answer(message: LoadAnswer): void {
  process.send?.(message);
}

const players: RtspBenchPlayer[] = [];

async function play(order: Extract<RtspLoadOrder, { what: 'play' }>): Promise<void> {
  for (let index = 0; index < order.count; index += 10) {
    const batch = Array.from(
      { length: Math.min(10, order.count - index) },
      () => new RtspBenchPlayer(order.port, order.name, order.udp),
    );
    players.push(...batch);
    await Promise.all(batch.map((player) => player.joined));
  }
  answer({ what: 'joined', joinMillis: players.map((player) => player.joinMillis) });
}

process.on('message', (order: RtspLoadOrder) => {
  if (order.what === 'play') void play(order);
  else if (order.what === 'mark') {
    for (const player of players) player.mark();
    answer({ what: 'marked' });
  } else answer({ what: 'report', players: players.map((player) => player.report()) });
});
process.on('disconnect', () => process.exit(0));
