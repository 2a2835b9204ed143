import assert from 'node:assert/strict';
import { readFrameTable } from '../support/frame-table.ts';
import { HlsServer } from '../support/hls-server.ts';
import { MediaSource, run } from '../support/media-source.ts';
import { makeMp4Clip } from '../support/mp4-clip.ts';
import { sideBySide } from '../support/side-by-side.ts';

/** Codecs beside H.264 and AAC: ffmpeg decodes every frame of what we packaged, without a complaint. */
describe('HLS: codecs of fragmented MP4', function () {
  this.timeout(60_000);
  let server: HlsServer;
  const itBeside = sideBySide();

  before(async () => {
    server = await HlsServer.start();
  });

  after(async () => {
    await server.stop();
    assert.deepEqual(server.core.failures, []);
  });

  for (const [video, audio] of [
    ['vp9', 'opus'],
    ['av1', 'flac'],
    ['vp9', 'mp3'],
  ] as const) {
    itBeside(`carries ${video} and ${audio}`, async () => {
      const clip = await makeMp4Clip(video, audio);
      const name = `${video}-${audio}`;
      const source = await MediaSource.publish(server.core, name, clip);
      const ended = source.finished.then(() => source.end());
      const argv = ['-hide_banner', '-loglevel', 'warning', '-nostdin', '-live_start_index', '0', '-xerror'];
      const url = `${server.url}/${name}/${name}.m3u8`;
      const output = ['-map', '0:v', '-map', '0:a', '-f', 'framecrc', 'pipe:1'];
      const [table, counted] = await Promise.all([
        run('ffmpeg', [...argv, '-i', url, ...output]),
        run('ffmpeg', [...argv, '-i', url, '-c', 'copy', ...output]),
      ]);
      await ended;
      const rows = (bytes: Buffer, stream: number): number => readFrameTable(bytes).of(stream).length;
      const sent = (kind: string): number => clip.units.filter(({ codec }) => codec.kind === kind).length;
      assert.equal(rows(counted, 0), sent('video'));
      assert.ok(rows(counted, 1) >= sent('audio') - 4 && sent('audio') > 40, `${rows(counted, 1)} of ${sent('audio')}`);
      assert.equal(rows(table, 0), 120, 'every picture decodes');
    });
  }
});
