/** A process of load for the WebRTC bench: many viewers. Spoken to over IPC, as that of the RTMP bench. */
import { makeIdentity } from '../vectors/dtls/association.ts';
import { BenchViewer, type ViewerReport } from './webrtc-viewer.ts';

export type WebRtcLoadOrder =
  | {
      readonly what: 'play';
      readonly url: string;
      readonly count: number;
    }
  | { readonly what: 'mark' }
  | { readonly what: 'report' };

export type WebRtcLoadAnswer =
  | { readonly what: 'joined'; readonly joinMillis: readonly number[] }
  | { readonly what: 'marked' }
  | { readonly what: 'report'; readonly players: readonly ViewerReport[] };

function answer(message: WebRtcLoadAnswer): void {
  process.send?.(message);
}

const viewers: BenchViewer[] = [];
setInterval(() => {
  for (const viewer of viewers) viewer.tick();
}, 10);

/** One after another: each is measured on its own, with those before it watching. */
async function play({ url, count }: Extract<WebRtcLoadOrder, { what: 'play' }>): Promise<void> {
  const identity = await makeIdentity('bench');
  for (let index = 0; index < count; index += 1) {
    await BenchViewer.play(url, identity, (viewer) => viewers.push(viewer));
  }
  answer({ what: 'joined', joinMillis: viewers.map((viewer) => viewer.joinMillis) });
}

process.on('message', (order: WebRtcLoadOrder) => {
  if (order.what === 'play') void play(order);
  else if (order.what === 'mark') {
    for (const viewer of viewers) viewer.mark();
    answer({ what: 'marked' });
  } else answer({ what: 'report', players: viewers.map((viewer) => viewer.report()) });
});
process.on('disconnect', () => process.exit(0));
