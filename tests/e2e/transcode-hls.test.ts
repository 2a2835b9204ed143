import assert from 'node:assert/strict';
import { noCredentials } from '../../core/access/access-control.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { hlsModule } from '../../modules/hls/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { readMediaPlaylist } from '../../wire/m3u8/read-media.ts';
import { readMultivariantPlaylist } from '../../wire/m3u8/read-multivariant.ts';
import { encodeUnits, runFfmpeg, shifted } from '../support/tone-source.ts';

const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', '-frames:v', '60', '-pix_fmt', 'yuv420p'];

describe('A ladder over HLS', function () {
  this.timeout(40_000);
  const video = encodeUnits('h264', [...picture, '-c:v', 'libx264', '-g', '30', '-bf', '0']);
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
    const hls = { listen: loopback, secure: { ...loopback, enabled: false }, idle: '1s' };
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

  it('lists the rungs, makes one only when it is pulled, and cuts it where the source is cut', async () => {
    const top = new URL('/room/index.m3u8', origin);
    const { variants } = readMultivariantPlaylist(await text(top));
    assert.deepEqual(
      variants.map(({ resolution }) => resolution?.height),
      [360, 180, 90],
    );
    const { renditions } = server.core.streams;
    assert.equal([...renditions.all()].length, 0);
    const [source, rung] = variants.map(({ uri }) => new URL(uri, top));
    assert.ok(source !== undefined && rung !== undefined);
    const starts: (readonly number[])[] = [];
    await text(rung);
    assert.deepEqual(
      [...renditions.all()].map(({ settings }) => settings.target.height),
      [180],
    );
    await pause(4_000);
    for (const url of [source, rung]) {
      const playlist = readMediaPlaylist(await text(url));
      const map = playlist.segments.find((segment) => segment.map !== undefined)?.map;
      assert.ok(map !== undefined);
      const init = Buffer.from(await (await fetch(new URL(map.uri, url))).arrayBuffer());
      const found: number[] = [];
      for (const segment of playlist.segments.slice(-3)) {
        const bytes = Buffer.from(await (await fetch(new URL(segment.uri, url))).arrayBuffer());
        const frames = runFfmpeg(['-copyts', '-i', 'pipe:0', '-f', 'framemd5', '-'], Buffer.concat([init, bytes]));
        const [first] = frames
          .toString()
          .split('\n')
          .filter((line) => line !== '' && !line.startsWith('#'));
        found.push(Number(first?.split(',')[2]));
      }
      starts.push(found);
    }
    assert.ok(
      starts[0]?.some((start) => starts[1]?.includes(start)),
      JSON.stringify(starts),
    );
  });
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
