import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../conformance/suite.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { LossyLink, type LossyLinkSettings } from '../support/lossy-link.ts';
import { type KnownClip, makeKnownClip, Recorder, sumsOf } from '../support/rtsp-clip.ts';
import { RtspTestServer } from '../support/rtsp-server.ts';
import { sideBySide } from '../support/side-by-side.ts';

/** From key frame to key frame. */
const group = 10;
const jitter = 20;

describe('RTSP over a network that loses and delays datagrams', function () {
  this.timeout(60_000);
  let folder: string;
  let clip: KnownClip;
  const servers: RtspTestServer[] = [];
  const links: LossyLink[] = [];
  const programs: ForeignProgram[] = [];
  const itBeside = sideBySide(3);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-rtsp-loss-'));
    clip = await makeKnownClip(folder, { bFrames: 0, group, seconds: 8 });
    assert.equal(clip.coded.video.length, 200);
  });

  after(async () => {
    await Promise.all(programs.map((program) => program.kill()));
    for (const server of servers.reverse()) await server.stop();
    for (const link of links) link.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startServer(rtsp: Record<string, unknown> = {}): Promise<RtspTestServer> {
    // What is late here is late because the machine is busy; unit tests see to the patience itself.
    const server = await RtspTestServer.start(rtsp, { rtp: { reorder: '250ms' } });
    servers.push(server);
    return server;
  }

  async function openLink(settings: Omit<LossyLinkSettings, 'jitter' | 'seed'>): Promise<LossyLink> {
    const link = await LossyLink.open({ ...settings, jitter, seed: 4 });
    links.push(link);
    return link;
  }

  function publish(url: string, transport: string): ForeignProgram {
    const argv = ['-nostdin', '-re', '-i', clip.file, '-c', 'copy', '-f', 'rtsp', '-rtsp_transport', transport, url];
    const program = new ForeignProgram('ffmpeg', argv);
    programs.push(program);
    return program;
  }

  /** What can be shown of what came through: whole pictures, from a key frame on up to the next loss. */
  function findWhole({ video }: LossyLink): string[] {
    const first = clip.coded.video.length - video.length;
    const whole: string[] = [];
    let broken = true;
    video.forEach(({ lost }, index) => {
      const number = first + index;
      if (number % group === 0) broken = false;
      if (lost > 0) broken = true;
      else if (!broken) whole.push(clip.coded.video[number] ?? '');
    });
    return whole;
  }

  /** From the first that was recorded; not the last group: what follows a loss may be waited for when the publisher leaves. */
  function assertWhole(got: readonly string[], link: LossyLink): void {
    assert.ok(link.lost > 0, 'nothing was lost');
    const number = (sums: readonly string[]): number[] => sums.map((sum) => clip.coded.video.indexOf(sum));
    const [first = 0] = number(got);
    const judged = (index: number): boolean => index >= first && index < clip.coded.video.length - group;
    assert.ok(!number(got).includes(-1), 'a picture that nobody sent');
    assert.ok(first <= 3 * group, 'nothing from the first groups');
    assert.deepEqual(number(got).filter(judged), number(findWhole(link)).filter(judged));
  }

  for (const share of [1, 3, 5]) {
    itBeside(`passes on every whole picture and no other when the publisher loses ${share} %`, async () => {
      const { server, port } = await startServer();
      const link = await openLink({ port, way: 'to server', loss: share / 100 });
      const publisher = publish(`rtsp://${link.near}:${port}/cam`, 'udp');
      const recorder = await Recorder.start(server, 'cam');
      await publisher.succeeds();
      await recorder.ended;
      assertWhole(recorder.sums.video, link);
    });

    itBeside(
      `passes on every whole picture and no other to a viewer that loses ${share} %, and all to the others`,
      async () => {
        const { server, port } = await startServer();
        const link = await openLink({ port, way: 'to client', loss: share / 100 });
        const publisher = publish(`rtsp://127.0.0.1:${port}/cam`, 'tcp');
        await eventually('the stream', () => server.core.streams.find('cam')?.settling.settled === true);
        const url = `rtsp://${link.near}:${port}/cam`;
        const viewer = await startServer({ pull: [{ name: 'far', url, transport: 'udp' }] });
        const [near, far] = await Promise.all([
          Recorder.start(server, 'cam'),
          Recorder.start(viewer.server, 'far', true),
        ]);
        await publisher.succeeds();
        await near.ended;
        assert.deepEqual(near.sums.video, clip.coded.video);
        await eventually('the last group', () => {
          const { video } = sumsOf(far.units.slice(-40));
          return video.some((sum) => clip.coded.video.indexOf(sum) >= clip.coded.video.length - 2 * group);
        });
        assertWhole(far.sums.video, link);
      },
    );
  }
});
