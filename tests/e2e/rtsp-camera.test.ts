import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { RtspAgents } from '../../modules/rtsp/contract.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';
import { freePort, waitForPort } from '../bench/server-process.ts';
import { eventually } from '../conformance/suite.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { type KnownClip, makeKnownClip, Recorder } from '../support/rtsp-clip.ts';

const cameraFile = fileURLToPath(new URL('../bench/rtsp-server.ts', import.meta.url));

/** A camera: a server in a process of its own, with ffmpeg as its eye. It can be killed, and started again. */
class Camera {
  readonly url: string;
  readonly #ports: readonly [rtsp: number, rtmp: number];
  readonly #clip: string;
  readonly #programs: ForeignProgram[] = [];

  constructor(ports: readonly [number, number], clip: string) {
    this.#ports = ports;
    this.#clip = clip;
    this.url = `rtsp://127.0.0.1:${ports[0]}/cam`;
  }

  async start(): Promise<void> {
    const [rtsp, rtmp] = this.#ports;
    this.#run(process.execPath, ['--import=tsx', cameraFile, String(rtsp), String(rtmp)]);
    await waitForPort(rtsp);
    const eye = ['-nostdin', '-re', '-stream_loop', '-1', '-i', this.#clip, '-c', 'copy'];
    this.#run('ffmpeg', [...eye, '-f', 'rtsp', '-rtsp_transport', 'tcp', this.url]);
  }

  async kill(): Promise<void> {
    await Promise.all(this.#programs.splice(0).map((program) => program.kill()));
  }

  #run(name: string, argv: readonly string[]): void {
    this.#programs.push(new ForeignProgram(name, argv));
  }
}

describe('A camera that dies and comes back', function () {
  this.timeout(60_000);
  let folder: string;
  let clip: KnownClip;
  let camera: Camera;
  let server: Server;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-rtsp-camera-'));
    clip = await makeKnownClip(folder, { bFrames: 0 });
    camera = new Camera([await freePort(), await freePort()], clip.file);
  });

  afterEach(async () => {
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
    await camera.kill();
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const transport of ['tcp', 'udp']) {
    it(`keeps its viewers and goes on where it is (${transport})`, async () => {
      await camera.start();
      const rtsp = {
        listen: { host: '127.0.0.1', port: 0 },
        pull: [{ name: 'here', url: camera.url, transport }],
        // A camera that hangs without a word over UDP is noticed by this.
        client: { mediaTimeout: '1s' },
      };
      const config = { rtsp, streams: { reconnectGrace: '20s' } };
      server = createServer({ modules: [rtpModule, rtspModule], config, log: silentLog });
      await server.start();
      const agent = () => server.core.services.get(RtspAgents).list()[0];
      const stream = () => server.core.streams.find('here');
      await eventually('the camera is up', () => agent() !== undefined);
      const viewer = await eventuallyViewed();
      await eventually('pictures', () => viewer.count('video') > 10);

      await camera.kill();
      await eventually('the viewers are kept', () => stream()?.state === 'interrupted');
      await eventually('attempts fail, and are repeated', () => (agent()?.failures ?? 0) >= 2);
      assert.notEqual(agent()?.lastError, undefined);
      const before = viewer.count('video');
      await camera.start();
      await eventually('the picture is back', () => viewer.count('video') > before + 10);
      assert.equal(agent()?.state, 'running');
      assert.equal(agent()?.failures, 0);
      assert.equal(stream()?.state, 'live');
      const video = viewer.units.filter(({ codec }) => codec.kind === 'video');
      assert.equal(video[before]?.keyframe, true, 'it goes on at a key frame');
      assert.ok(
        viewer.sums.video.every((sum) => clip.coded.video.includes(sum)),
        'every picture is the camera’s',
      );
      for (let index = 1; index < video.length; index += 1)
        assert.ok((video[index]?.dts ?? 0) > (video[index - 1]?.dts ?? 0), 'time goes on');
    });
  }

  /** The first attempts may come before the eye has opened. */
  async function eventuallyViewed(): Promise<Recorder> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await Recorder.start(server, 'here', true);
      } catch (error) {
        if (attempt === 40) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
});
