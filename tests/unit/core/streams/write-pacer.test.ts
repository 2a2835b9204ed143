import assert from 'node:assert/strict';
import type { Publication, TrackWriter } from '../../../../core/streams/publication.ts';
import { type SharedWrites, type Viewer, WritePacer } from '../../../../core/streams/write-pacer.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { millis } from '../../../../core/time/micros.ts';
import { audioFrame, fakeAac, fakeH264, videoFrame } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

class Nothing implements SharedWrites {
  cleared = 0;
  clear(): void {
    this.cleared += 1;
  }
}

class CountingViewer implements Viewer<Nothing> {
  flushes = 0;
  readonly shared = new Set<Nothing>();
  flush(shared: Nothing): void {
    this.flushes += 1;
    this.shared.add(shared);
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('core/streams write pacer', () => {
  let clock: ManualClock;
  let core: TestCore;
  let busy: number;
  let pacer: WritePacer<Nothing>;
  let publication: Publication;
  let video: TrackWriter;
  let audio: TrackWriter;
  let number = 0;
  const h264 = fakeH264();
  const aac = fakeAac();

  beforeEach(async () => {
    clock = new ManualClock();
    core = new TestCore({ clock });
    busy = 0;
    number = 0;
    pacer = new WritePacer(
      { merge: millis(350), share: () => new Nothing() },
      { clock, scope: core.scope, busyness: () => busy },
    );
    publication = await core.publish('a');
    video = publication.addTrack(h264);
    audio = publication.addTrack(aac);
  });

  afterEach(async () => {
    await core.close();
    assert.equal(clock.pending, 0);
    assert.deepEqual(core.failures, []);
  });

  const picture = (): void => video.write(videoFrame(h264, (number += 1), { keyframe: true }));
  const sound = (): void => audio.write(audioFrame(aac, (number += 1)));
  const join = (limit = millis(350)): CountingViewer => {
    const viewer = new CountingViewer();
    pacer.join(publication.stream, viewer, limit, core.scope.child('viewer'));
    return viewer;
  };
  /** Lets the process be that busy for two seconds. */
  const work = (share: number): void => {
    busy = share;
    clock.advance(millis(2_000));
  };

  it('serves at once while there is nothing to do, and the units of one read together', async () => {
    const viewer = join();
    picture();
    sound();
    assert.equal(viewer.flushes, 0);
    await settled();
    assert.equal(viewer.flushes, 1);
    sound();
    await settled();
    assert.equal(viewer.flushes, 2);
  });

  it('merges for up to the limit when busy, and for no longer than a viewer allows', async () => {
    const viewer = join();
    const hasty = join(millis(100));
    work(0.2);
    assert.equal(pacer.interval, millis(350));
    picture();
    clock.advance(millis(99));
    picture();
    assert.equal(hasty.flushes, 0);
    clock.advance(millis(1));
    assert.deepEqual([hasty.flushes, viewer.flushes], [1, 0]);
    clock.advance(millis(249));
    assert.equal(viewer.flushes, 0);
    clock.advance(millis(1));
    assert.equal(viewer.flushes, 1);
    await settled();
  });

  it('sends pictures at once, and sound with them, to those who wait 40 ms at the most', async () => {
    const viewer = join(millis(40));
    work(0.2);
    sound();
    await settled();
    assert.equal(viewer.flushes, 0);
    picture();
    await settled();
    assert.equal(viewer.flushes, 1);
    sound();
    clock.advance(millis(40));
    assert.equal(viewer.flushes, 2, 'sound alone waits for no longer than that');
    await settled();
  });

  it('lets even pictures wait when the process has hardly any time left', async () => {
    const viewer = join(millis(40));
    work(0.9);
    picture();
    await settled();
    assert.equal(viewer.flushes, 0);
    clock.advance(millis(40));
    assert.equal(viewer.flushes, 1);
    work(0.1);
    picture();
    await settled();
    assert.equal(viewer.flushes, 2);
  });

  it('goes back to nothing when the work is over, and stays where it is between', () => {
    work(0.2);
    work(0.03);
    assert.equal(pacer.interval, millis(350));
    work(0);
    work(0);
    work(0);
    assert.equal(pacer.interval, 0);
  });

  it('gives viewers of one stream and limit the same shared writes, and clears them after', async () => {
    const [a, b] = [join(), join()];
    picture();
    await settled();
    assert.deepEqual([...(a?.shared ?? [])], [...(b?.shared ?? [])]);
    assert.equal([...(a?.shared ?? [])][0]?.cleared, 1);
  });

  it('serves what came between two slices right after, and the end as well', async () => {
    const viewers = Array.from({ length: 600 }, () => join());
    const [first, last] = [viewers[0], viewers.at(-1)];
    picture();
    await Promise.resolve();
    assert.deepEqual([first?.flushes, last?.flushes], [1, 0]);
    picture();
    await settled();
    await settled();
    await settled();
    await settled();
    await settled();
    assert.deepEqual([first?.flushes, last?.flushes], [2, 2]);
    picture();
    await Promise.resolve();
    assert.equal(first?.flushes, 3);
    await publication.scope.close({ code: 'done' });
    for (let turn = 0; turn < 6; turn += 1) await settled();
    assert.deepEqual([first?.flushes, last?.flushes], [4, 4]);
  });

  it('serves nobody who has left', async () => {
    const viewer = new CountingViewer();
    const scope = core.scope.child('viewer');
    pacer.join(publication.stream, viewer, millis(350), scope);
    work(0.2);
    picture();
    await scope.close({ code: 'done' });
    clock.advance(millis(400));
    await settled();
    assert.equal(viewer.flushes, 0);
    const next = join();
    picture();
    clock.advance(millis(350));
    assert.equal(next.flushes, 1);
    await settled();
  });
});
