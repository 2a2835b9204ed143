import assert from 'node:assert/strict';
import { refuse } from '../../../../core/access/access-control.ts';
import { type ErrorCode, isError } from '../../../../core/errors.ts';
import { StreamEnded, StreamInterrupted, StreamResumed, SubscriberLagging } from '../../../../core/events/catalogue.ts';
import { accepting } from '../../../../core/media/codec-target.ts';
import type { Subscription } from '../../../../core/streams/subscription.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { millis, seconds } from '../../../../core/time/micros.ts';
import { audioFrame, fakeAac, fakeH264, frameNumber, videoFrame } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

const h264 = fakeH264();
const aac = fakeAac();

function pullAll(subscription: Subscription): { kind: string; number: number }[] {
  const units = [];
  for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) {
    units.push({ kind: next.track.kind, number: frameNumber(next.unit) });
  }
  return units;
}

function videoNumbers(subscription: Subscription): number[] {
  return pullAll(subscription)
    .filter((unit) => unit.kind === 'video')
    .map((unit) => unit.number);
}

async function rejectsWith(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => isError(error, code));
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('StreamRegistry', () => {
  let clock: ManualClock;
  let core: TestCore;

  beforeEach(() => {
    clock = new ManualClock();
    core = new TestCore({ clock });
  });

  afterEach(async () => {
    await core.close();
    assert.equal(core.scope.openScopes, 0);
    assert.equal(clock.pending, 0);
    assert.deepEqual(core.failures, []);
  });

  async function publishBoth(name = 'one') {
    const publication = await core.publish(name);
    return { publication, video: publication.addTrack(h264), audio: publication.addTrack(aac) };
  }

  it('hands units to a subscriber in the order of arrival', async () => {
    const { video, audio } = await publishBoth();
    video.write(videoFrame(h264, 0));
    const subscription = await core.subscribe('one');
    audio.write(audioFrame(aac, 1));
    video.write(videoFrame(h264, 1));
    assert.deepEqual(pullAll(subscription), [
      { kind: 'video', number: 0 },
      { kind: 'audio', number: 1 },
      { kind: 'video', number: 1 },
    ]);
  });

  it('starts a new subscriber with the cached group of pictures and its audio', async () => {
    const { video, audio } = await publishBoth();
    for (let number = 0; number < 45; number += 1) {
      video.write(videoFrame(h264, number));
      audio.write(audioFrame(aac, number));
    }
    const subscription = await core.subscribe('one');
    const units = pullAll(subscription);
    const video0 = units.filter((unit) => unit.kind === 'video').map((unit) => unit.number);
    assert.deepEqual(
      video0,
      Array.from({ length: 15 }, (_, index) => index + 30),
    );
    // Keyframe 30 is at 990 ms: audio from 1000 ms on, that is frame 50; none of it is there yet.
    assert.equal(units.filter((unit) => unit.kind === 'audio').length, 0);
  });

  it('refuses a name that is live, and takes it over when asked', async () => {
    const first = await publishBoth();
    await rejectsWith(core.publish('one'), 'stream-name-taken');
    first.video.write(videoFrame(h264, 0));
    const subscription = await core.subscribe('one');
    const second = await core.publish('one', { onConflict: 'replace' });
    assert.equal(first.publication.scope.reason?.code, 'replaced');
    second.addTrack(h264).write(videoFrame(h264, 60, { keyframe: true }));
    first.video.write(videoFrame(h264, 61));
    assert.deepEqual(videoNumbers(subscription), [0, 60]);
  });

  it('refuses media names that are no names', async () => {
    for (const name of ['', '.', '..', 'a/b', 'a\\b', 'a%2e', 'x'.repeat(4_096), 'a\u0000', '../../etc', ' a']) {
      await rejectsWith(core.publish(name), 'stream-name-invalid');
      await rejectsWith(core.subscribe(name), 'stream-name-invalid');
    }
  });

  it('asks the policies at both doors', async () => {
    await publishBoth();
    core.access.add({ name: 'no', decide: ({ action }) => refuse(`no ${action}`) }, core.scope);
    await rejectsWith(core.publish('two'), 'access-refused');
    await rejectsWith(core.subscribe('one'), 'access-refused');
    assert.equal(core.streams.find('two'), undefined);
  });

  it('checks the name again after a slow policy', async () => {
    const decisions: (() => void)[] = [];
    core.access.add(
      { name: 'slow', decide: () => new Promise((resolve) => decisions.push(() => resolve({ allowed: true }))) },
      core.scope,
    );
    const both = [core.publish('one'), core.publish('one')];
    await settle();
    for (const decide of decisions) decide();
    const results = await Promise.allSettled(both);
    assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
  });

  it('says which codecs did not match', async () => {
    await publishBoth();
    await assert.rejects(
      core.subscribe('one', { wishes: [{ kind: 'video', accepts: accepting('vp8') }] }),
      (error) => isError(error, 'codecs-do-not-match') && /H\.264/.test(error.message) && /vp8/.test(error.message),
    );
  });

  it('waits for the tracks of a new stream, for a moment', async () => {
    const publication = await core.publish('one');
    const pending = core.subscribe('one');
    const video = publication.addTrack(h264);
    video.write(videoFrame(h264, 0));
    await clock.advanceSettling(millis(700));
    const subscription = await pending;
    assert.deepEqual(
      subscription.tracks.map((track) => track.kind),
      ['video'],
    );
    const audio = publication.addTrack(aac);
    await settle();
    audio.write(audioFrame(aac, 5));
    assert.deepEqual(
      pullAll(subscription).map((unit) => unit.kind),
      ['video', 'audio'],
    );
  });

  it('tells a subscriber that no media came', async () => {
    await core.publish('one');
    const pending = rejectsWith(core.subscribe('one'), 'stream-has-no-media');
    await clock.advanceSettling(seconds(11), 500_000);
    await pending;
  });

  it('passes nothing on before the first keyframe, and nothing whose time does not rise', async () => {
    const { video } = await publishBoth();
    const subscription = await core.subscribe('one');
    for (const number of [28, 29, 30, 31, 31, 30, 32]) video.write(videoFrame(h264, number));
    assert.deepEqual(videoNumbers(subscription), [30, 31, 32]);
    assert.equal(video.track.counters.beforeKeyframe, 2);
    assert.equal(video.track.counters.disordered, 2);
  });

  it('takes nothing after the publication was closed', async () => {
    const { publication, video } = await publishBoth();
    const subscription = await core.subscribe('one');
    void publication.scope.close({ code: 'done' });
    video.write(videoFrame(h264, 0));
    assert.deepEqual(pullAll(subscription), []);
  });

  it('lets subscribers read what is left of a stream that ended, then says why', async () => {
    const { publication, video } = await publishBoth();
    video.write(videoFrame(h264, 0));
    const subscription = await core.subscribe('one');
    void publication.scope.close({ code: 'done', detail: 'unpublished' });
    assert.equal(core.streams.find('one'), undefined);
    assert.equal(await subscription.ready(), true);
    assert.deepEqual(videoNumbers(subscription), [0]);
    assert.equal(await subscription.ready(), false);
    assert.equal(subscription.endReason?.detail, 'unpublished');
    await subscription.scope.close({ code: 'done' });
  });

  it('cuts subscribers that do not read to the end', async () => {
    const { publication, video } = await publishBoth();
    video.write(videoFrame(h264, 0));
    const subscription = await core.subscribe('one');
    void publication.scope.close({ code: 'done' });
    clock.advance(seconds(6));
    assert.equal(subscription.scope.reason?.code, 'publisher-left');
  });

  it('keeps viewers while a dropped publisher may come back, on one timeline', async () => {
    const events: string[] = [];
    core.events.on(StreamInterrupted, core.scope, () => events.push('interrupted'));
    core.events.on(StreamResumed, core.scope, () => events.push('resumed'));
    const first = await publishBoth();
    first.video.write(videoFrame(h264, 0));
    const subscription = await core.subscribe('one');
    await first.publication.scope.close({ code: 'peer-left' });
    clock.advance(seconds(2));
    const second = await core.publish('one');
    const at = second.timeline.place('video', 0, 1_000, clock.now());
    assert.equal(at, seconds(2));
    const video = second.addTrack(h264);
    video.write(videoFrame(h264, 61, { keyframe: false }));
    video.write(videoFrame(h264, 62, { keyframe: true }));
    assert.deepEqual(videoNumbers(subscription), [0, 62]);
    assert.deepEqual(events, ['interrupted', 'resumed']);
    assert.equal(subscription.scope.closed, false);
  });

  it('ends a dropped stream after the grace', async () => {
    const ended: string[] = [];
    core.events.on(StreamEnded, core.scope, ({ reason }) => ended.push(reason.code));
    const { publication } = await publishBoth();
    await publication.scope.close({ code: 'peer-left' });
    clock.advance(millis(4_900));
    assert.deepEqual(ended, []);
    clock.advance(millis(200));
    assert.deepEqual(ended, ['peer-left']);
  });

  it('jumps a stalled subscriber to a keyframe, bounds what is kept, and tells once a second', async () => {
    const reports: number[] = [];
    core.events.on(SubscriberLagging, core.scope, ({ units }) => reports.push(units));
    const { video } = await publishBoth();
    video.write(videoFrame(h264, 0));
    const stalled = await core.subscribe('one');
    const reading = await core.subscribe('one');
    let read = 0;
    for (let number = 1; number < 3_000; number += 1) {
      clock.advance(millis(33));
      video.write(videoFrame(h264, number, { size: 1_000 }));
      read += videoNumbers(reading).length;
    }
    assert.equal(read, 3_000);
    assert.equal(reading.counters.droppedUnits, 0);
    assert.ok(video.track.log.keptBytes < 1_000 * 30 * 13, `${video.track.log.keptBytes} bytes kept`);
    const numbers = videoNumbers(stalled);
    assert.equal((numbers[0] ?? -1) % 30, 0);
    assert.equal(numbers.at(-1), 2_999);
    assert.equal(stalled.counters.droppedUnits + numbers.length, 3_000);
    assert.ok(reports.length > 3 && reports.length <= 100, `${reports.length} reports`);
  });

  it('asks a publisher that can be asked for a keyframe once for many viewers', async () => {
    let asked = 0;
    const publication = await core.publish('one', { requestKeyframe: () => (asked += 1), expects: ['video'] });
    const video = publication.addTrack(h264);
    video.write(videoFrame(h264, 0));
    clock.advance(millis(500));
    video.write(videoFrame(h264, 15));
    const viewers = await Promise.all(Array.from({ length: 20 }, () => core.subscribe('one', { start: 'fresh' })));
    assert.equal(asked, 1);
    clock.advance(millis(1_100));
    assert.equal(asked, 2);
    video.write(videoFrame(h264, 50, { keyframe: true }));
    clock.advance(seconds(5));
    assert.equal(asked, 2);
    for (const viewer of viewers) assert.deepEqual(videoNumbers(viewer), [50]);
  });

  it('starts a source on demand, shares it, and ends it after its linger', async () => {
    let opened = 0;
    core.streams.addSource(
      {
        name: 'camera',
        claims: (name) => name === 'cam',
        open: async (name, scope) => {
          opened += 1;
          const publication = await core.publish(name, { parent: scope, session: core.openSession() });
          publication.addTrack(h264).write(videoFrame(h264, 0));
          publication.addTrack(aac);
        },
      },
      core.scope,
    );
    const both = await Promise.all([core.subscribe('cam'), core.subscribe('cam')]);
    assert.equal(opened, 1);
    for (const subscription of both) await subscription.scope.close({ code: 'done' });
    clock.advance(seconds(11));
    await settle();
    assert.equal(core.streams.find('cam'), undefined);
    await core.subscribe('cam');
    assert.equal(opened, 2);
  });

  it('passes on why a source failed, and lets the next one try', async () => {
    core.streams.addSource(
      { name: 'bad', claims: () => true, open: () => Promise.reject(new Error('the camera is off')) },
      core.scope,
    );
    await assert.rejects(core.subscribe('cam'), /the camera is off/);
    await assert.rejects(core.subscribe('cam'), /the camera is off/);
  });

  it('follows a codec that changes in the middle by reference', async () => {
    const { video } = await publishBoth();
    const subscription = await core.subscribe('one');
    const larger = fakeH264({ width: 1920, height: 1080 });
    video.write(videoFrame(h264, 0));
    video.write(videoFrame(larger, 30));
    assert.equal(subscription.pull()?.unit.codec, h264);
    assert.equal(subscription.pull()?.unit.codec, larger);
    assert.equal(video.track.codec, larger);
  });

  it('ends a subscription whose wish the new codec does not meet', async () => {
    const { video } = await publishBoth();
    const subscription = await core.subscribe('one', {
      wishes: [{ kind: 'video', accepts: [{ codec: 'h264', width: 1280 }] }],
    });
    video.write(videoFrame(h264, 0));
    video.write(videoFrame(fakeH264({ width: 640 }), 30));
    await settle();
    assert.equal(subscription.scope.reason?.code, 'failed');
  });
});
