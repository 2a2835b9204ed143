import assert from 'node:assert/strict';
import { noCredentials } from '../../core/access/access-control.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { hlsModule } from '../../modules/hls/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { readMediaPlaylist } from '../../wire/m3u8/read-media.ts';
import { readMultivariantPlaylist } from '../../wire/m3u8/read-multivariant.ts';
import { readFrameTable } from '../support/frame-table.ts';
import { encodeUnits, runFfmpeg, shifted } from '../support/tone-source.ts';

/** Two groups of pictures go into a segment. */
const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', '-frames:v', '60', '-pix_fmt', 'yuv420p'];

describe('A ladder over HLS', function () {
  this.timeout(40_000);
  const video = encodeUnits('h264', [...picture, '-c:v', 'libx264', '-g', '15', '-bf', '0']);
  let server: Server;
  let origin = '';
  let feeding = true;

  before(async () => {
    const loopback = { host: '127.0.0.1', port: 0 };
    const modules = [hlsModule, ...transcoders] as Parameters<typeof createServer>[0]['modules'];
    const profiles = {
      '-180p': { video: { height: 180, bitrate: 300 } },
      '-90p': { video: { height: 90, bitrate: 100 } },
    };
    const hls = { listen: loopback, secure: { ...loopback, enabled: false }, idle: '1s', segment: '1s' };
    server = createServer({
      modules,
      log: silentLog,
      config: { server: { drain: '1s' }, hls, transcoding: { profiles } },
    });
    await server.start();
    origin = (server.urls().find(({ url }) => url.startsWith('http://'))?.url ?? '').replace('HOST', '127.0.0.1');
    origin = new URL(origin).origin;
    const { sessions, streams, scope } = server.core;
    const session = sessions.open({ protocol: 'rtmp', remoteAddress: '127.0.0.1', parent: scope });
    const request = { name: 'room', session, credentials: noCredentials, onConflict: 'refuse' as const };
    const publication = await streams.publish({ ...request, expects: ['video'] });
    const track = publication.addTrack((video[0] as AccessUnit).codec);
    const began = performance.now();
    void (async () => {
      for (let index = 0; feeding; index += 1) {
        const unit = shifted(video[index % 60] as AccessUnit, Math.floor(index / 60) * 2_000_000);
        while (feeding && (performance.now() - began) * 1_000 < unit.pts) await pause(2);
        track.write(unit);
      }
    })();
  });

  after(async () => {
    feeding = false;
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  const text = async (url: URL): Promise<string> => {
    const answer = await fetch(url);
    assert.equal(answer.status, 200, `${url.pathname}: ${answer.status}`);
    return answer.text();
  };

  it('lists the rungs and makes one only when it is pulled', async () => {
    const top = new URL('/room/index.m3u8', origin);
    const { variants } = readMultivariantPlaylist(await text(top));
    assert.deepEqual(
      variants.map(({ resolution }) => resolution?.height),
      [360, 180, 90],
    );
    const { renditions } = server.core.streams;
    assert.equal([...renditions.all()].length, 0);
    const rung = variants[1];
    assert.ok(rung !== undefined);
    await text(new URL(rung.uri, top));
    assert.deepEqual(
      [...renditions.all()].map(({ settings }) => settings.target.height),
      [180],
    );
  });

  it('cuts every rung where the source is cut', async () => {
    const top = new URL('/room/index.m3u8', origin);
    const { variants } = readMultivariantPlaylist(await text(top));
    const urls = variants.map(({ uri }) => new URL(uri, top));
    const starts = urls.map(() => new Map<string, number>());
    // All of them are pulled as players do; each segment's first frame tells where it was cut.
    const enough = [5, 6, 6];
    while (starts.some((found, index) => found.size < (enough[index] ?? 0))) {
      await Promise.all(urls.map((url, index) => addStarts(url, starts[index] as Map<string, number>)));
      await pause(300);
    }
    const [source, ...rungs] = starts.map((found) => [...found.values()]);
    assert.ok(source !== undefined && source.length >= 5, JSON.stringify(source));
    assert.equal(rungs.length, 2);
    for (const rung of rungs) {
      // A rung begins at the newest keyframe, whatever the source is cut like there.
      const [, ...cuts] = rung.filter((start) => start <= Math.max(...source));
      assert.ok(cuts.length >= 4, JSON.stringify([source, rung]));
      for (const start of cuts)
        assert.ok(source.includes(start), `${start} of ${rung.join()} is none of ${source.join()}`);
      for (const start of source.filter((at) => at >= Math.min(...cuts) && at <= Math.max(...rung))) {
        assert.ok(rung.includes(start), `${start} of ${source.join()} is none of ${rung.join()}`);
      }
    }
  });

  /** Adds the time of the first frame of each whole segment that is listed and not known yet, in 90 kHz. */
  async function addStarts(url: URL, found: Map<string, number>): Promise<void> {
    const playlist = readMediaPlaylist(await text(url));
    const map = playlist.segments.find((segment) => segment.map !== undefined)?.map;
    if (map === undefined) return;
    let init: Buffer | undefined;
    for (const { uri } of playlist.segments) {
      if (uri === undefined || found.has(uri)) continue;
      init ??= Buffer.from(await (await fetch(new URL(map.uri, url))).arrayBuffer());
      const answer = await fetch(new URL(uri, url));
      if (answer.status !== 200) continue; // it has left the window by now
      const bytes = Buffer.from(await answer.arrayBuffer());
      const frames = runFfmpeg(
        ['-copyts', '-i', 'pipe:0', '-c', 'copy', '-f', 'framecrc', '-'],
        Buffer.concat([init, bytes]),
      );
      const table = readFrameTable(frames);
      assert.equal(table.timeBases.get(0), 1 / 90_000);
      found.set(uri, Math.min(...table.rows.map(({ pts }) => pts)));
    }
  }
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
