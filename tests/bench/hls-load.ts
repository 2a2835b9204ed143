/** A process of HLS players: each reads the media playlist once a segment and fetches every new segment. */
import { HttpGetter } from './http-getter.ts';

export interface HlsOrder {
  readonly what: 'play' | 'report';
  readonly port: number;
  readonly path: string;
  readonly count: number;
}

export interface HlsReport {
  readonly what: 'report';
  readonly bytes: number;
  readonly segments: number;
  readonly failures: number;
}

const totals = { bytes: 0, segments: 0, failures: 0 };

/** The first line that is a URI; of a multivariant playlist, its first variant. */
function uris(playlist: string): string[] {
  return playlist.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
}

function resolve(base: string, reference: string): string {
  return new URL(reference, `http://127.0.0.1${base}`).href.slice('http://127.0.0.1'.length);
}

async function play(port: number, path: string, index: number): Promise<void> {
  const getter = new HttpGetter(port);
  await new Promise((done) => setTimeout(done, index * 7));
  let mediaPath = path;
  const first = await getter.get(path, true);
  if (first.body.includes('#EXT-X-STREAM-INF')) mediaPath = resolve(path, uris(first.body)[0] ?? '');
  const seen = new Set<string>();
  for (let turn = 0; ; turn += 1) {
    const playlist = await getter.get(mediaPath, true);
    totals.bytes += playlist.bytes;
    if (playlist.status !== 200) totals.failures += 1;
    const fresh = uris(playlist.body).filter((uri) => !seen.has(uri));
    // A player joins three segments from the end.
    for (const uri of turn === 0 ? fresh.slice(0, -3) : []) seen.add(uri);
    for (const uri of fresh.filter((candidate) => !seen.has(candidate))) {
      seen.add(uri);
      const segment = await getter.get(resolve(mediaPath, uri), false);
      totals.bytes += segment.bytes;
      totals.segments += 1;
      if (segment.status !== 200) totals.failures += 1;
    }
    await new Promise((done) => setTimeout(done, 2_000));
  }
}

process.on('message', (order: HlsOrder) => {
  if (order.what === 'report') {
    process.send?.({ what: 'report', ...totals } satisfies HlsReport);
    totals.bytes = 0;
    totals.segments = 0;
    totals.failures = 0;
    return;
  }
  for (let index = 0; index < order.count; index += 1) {
    void play(order.port, order.path, index).catch(() => {
      totals.failures += 1;
    });
  }
});
process.on('disconnect', () => process.exit(0));
