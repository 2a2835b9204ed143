import { UdpRelay, udpPortOf } from '../support/udp-relay.ts';
import { waitFor } from '../support/wait-for.ts';
import { WebRtcBrowser } from '../support/webrtc-browser.ts';
import { startWebRtcServer } from '../support/webrtc-server.ts';
import { type ClockReport, clockScript } from './clock-page.ts';
import { ClockPublisher } from './clock-publisher.ts';
import { printTable, type Row, round } from './table.ts';

/** Until a viewer's jitter buffer has found its measure. */
const settle = 8_000;

/**
 * `webrtc-latency [seconds] [rtmp|browsers]`: how old pictures and sound are when Chromium shows them, by a clock in the picture and beeps; then freezes
 * with 2 and 5 % of loss in both directions and 50 ms there and back.
 */
export async function run(options: readonly string[]): Promise<void> {
  const seconds = Number(options[0] ?? 60);
  const server = await startWebRtcServer();
  const browser = await WebRtcBrowser.start();
  const relays: UdpRelay[] = [];
  const publishers: ClockPublisher[] = [];
  try {
    await browser.page.evaluate(
      clockScript.replace(/^const (bits|\{|wall|opened)/gm, 'var $1').replace(/^let /gm, 'var '),
    );
    const rows: Row[] = [];
    if (options[1] !== 'rtmp') await measureBrowsers(rows);
    for (const sound of options[1] === 'browsers' ? [] : ([undefined, 'G.711', 'AAC to Opus'] as const)) {
      const name = sound === undefined ? 'picture' : sound.replace(/\W/g, '');
      publishers.push(new ClockPublisher(server.url('rtmp', name), sound));
      const tracks = (): number => server.server.core.streams.find(name)?.tracks.length ?? 0;
      await waitFor('the RTMP stream', () => tracks() === (sound === undefined ? 1 : 2), 20);
      rows.push(await measure(`ffmpeg, RTMP to Chromium, H.264${sound === undefined ? ' alone' : `, ${sound}`}`, name));
    }
    printTable(`WebRTC: from drawn to seen, ${seconds} s each, ms`, rows);
  } finally {
    for (const one of publishers) one.stop();
    for (const relay of relays) relay.close();
    await browser.stop();
    await server.server.stop();
  }

  async function measureBrowsers(rows: Row[]): Promise<void> {
    const publisher = await browser.page.evaluate<number>(`publishClock('${server.origin}/whip/clock', 'video/VP8')`);
    const port = udpPortOf(await browser.answer(publisher));
    await browser.waitFor(publisher, ({ frames }) => frames > 30);
    rows.push(await measure('Chromium to Chromium, VP8', 'clock'));
    for (const loss of [0.02, 0.05]) {
      const relay = await UdpRelay.open({ port, loss, delay: 25, seed: 1 });
      relays.push(relay);
      rows.push(await measure(`the same to a viewer with ${loss * 100} % of loss and 50 ms`, 'clock', relay.port));
    }
  }

  async function measure(what: string, name: string, relay?: number): Promise<Row> {
    const viewer = await browser.play(`${server.origin}/whep/${name}`, relay === undefined ? {} : { relay });
    await browser.waitFor(viewer, ({ frames }) => frames > 10, 30);
    await browser.page.waitForTimeout(settle);
    const report = await browser.page.evaluate<ClockReport>(`watchClock(${viewer}, ${seconds})`);
    await browser.end(viewer);
    return rowOf(what, report, seconds);
  }
}

function rowOf(what: string, report: ClockReport, seconds: number): Row {
  const [video, sound] = [quantile(report.video, 0.5), quantile(report.audio, 0.5)];
  return {
    way: what,
    p50: round(video, 0),
    p95: round(quantile(report.video, 0.95), 0),
    'jitter buffer': round(report.jitterBufferMillis, 0),
    'of sound': Number.isNaN(sound) ? '' : round(report.soundBufferMillis, 0),
    'its target': Number.isNaN(sound) ? '' : round(report.soundTargetMillis, 0),
    'sound p50': Number.isNaN(sound) ? '' : round(sound, 0),
    'sound behind picture': Number.isNaN(sound) ? '' : round(sound - video, 0),
    fps: round(report.decoded / seconds, 1),
    'freezes a minute': round((report.freezes * 60) / seconds, 1),
    'frozen s': round(report.freezeSeconds, 1),
    'sent again': report.retransmitted,
    unreadable: report.unreadable,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
