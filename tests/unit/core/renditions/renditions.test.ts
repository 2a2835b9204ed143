import assert from 'node:assert/strict';
import { isError } from '../../../../core/errors.ts';
import { AccessUnit } from '../../../../core/media/access-unit.ts';
import { accepting } from '../../../../core/media/codec-target.ts';
import type { Transcoder } from '../../../../core/renditions/transcoder.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { millis, seconds } from '../../../../core/time/micros.ts';
import { audioFrame, fakeAac, fakeH264, fakeOpus, videoFrame } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

const aac = fakeAac();
const opus = fakeOpus();
const wishes = [{ kind: 'audio' as const, accepts: accepting('opus') }];
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Relabels AAC as Opus: what counts here is who runs when. */
function relabeller(options: { cores?: number; failAfter?: number } = {}): Transcoder & { runs: number } {
  return {
    name: 'relabel',
    runs: 0,
    cost: (from, to) => (from.name === 'aac' && to.codec === 'opus' ? (options.cores ?? 0.1) : undefined),
    async run(input, output) {
      this.runs += 1;
      let written = 0;
      for await (const { unit } of input) {
        output.write(
          new AccessUnit({ ...unit, codec: opus, pts: unit.pts, dts: unit.dts, keyframe: true, parts: unit.parts }),
        );
        written += 1;
        if (written === options.failAfter) throw new Error('encoder crashed');
      }
    },
  };
}

/** Gives each unit when `held` more have come, and the last ones after the input's end, once it may. */
function withTail(held: number, mayEnd: Promise<void> = settle()): Transcoder {
  return {
    name: 'late',
    cost: (from, to) => (from.name === 'aac' && to.codec === 'opus' ? 0.1 : undefined),
    async run(input, output) {
      const waiting: AccessUnit[] = [];
      const give = (unit: AccessUnit | undefined): void => {
        if (unit === undefined) return;
        const { pts, dts, parts } = unit;
        output.write(new AccessUnit({ codec: opus, pts, dts, keyframe: true, parts }));
      };
      for await (const { unit } of input) {
        waiting.push(unit);
        if (waiting.length > held) give(waiting.shift());
      }
      await mayEnd;
      await settle();
      for (const unit of waiting) give(unit);
    },
  };
}

describe('Renditions', () => {
  let clock: ManualClock;
  let core: TestCore;

  beforeEach(() => {
    clock = new ManualClock();
    core = new TestCore({ clock, streams: { renditions: { cores: 1 } } });
  });

  afterEach(async () => {
    await core.close();
    assert.equal(core.scope.openScopes, 0);
    assert.deepEqual(core.failures, []);
  });

  async function publishAac() {
    const publication = await core.publish('one', { expects: ['audio'] });
    const audio = publication.addTrack(aac);
    let number = 0;
    const write = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        audio.write(audioFrame(aac, number));
        number += 1;
        await settle();
      }
    };
    return { publication, write };
  }

  it('makes what is wanted once, on the same timeline, and ends it after the last user', async () => {
    const transcoder = relabeller();
    core.streams.renditions.add(transcoder, core.scope);
    const { write } = await publishAac();
    const pending = Promise.all([core.subscribe('one', { wishes }), core.subscribe('one', { wishes })]);
    await settle();
    await write(3);
    const [first, second] = await pending;
    await write(2);
    assert.equal(transcoder.runs, 1);
    assert.equal(core.streams.renditions.spent, 0.1);
    const units = [];
    for (let next = first.pull(); next !== undefined; next = first.pull()) units.push(next.unit);
    assert.ok(units.length >= 2);
    assert.ok(units.every((unit) => unit.codec === opus));
    assert.equal((units.at(-1)?.pts ?? 0) % 20_000, 0);
    for (const user of [first, second]) await user.scope.close({ code: 'done' });
    clock.advance(seconds(6));
    await settle();
    assert.equal(core.streams.renditions.spent, 0);
    assert.deepEqual(
      core.streams.find('one')?.tracks.map((track) => track.id),
      ['audio'],
    );
  });

  it('passes a matching track through although a transcoder is there', async () => {
    const transcoder = relabeller();
    core.streams.renditions.add(transcoder, core.scope);
    await publishAac();
    const subscription = await core.subscribe('one', {
      wishes: [{ kind: 'audio', accepts: accepting('opus', 'aac') }],
    });
    assert.equal(subscription.tracks[0]?.codec, aac);
    assert.equal(transcoder.runs, 0);
  });

  it('takes the cheapest transcoder', async () => {
    const dear = relabeller({ cores: 0.5 });
    const cheap = relabeller({ cores: 0.1 });
    for (const transcoder of [dear, cheap]) core.streams.renditions.add(transcoder, core.scope);
    const { write } = await publishAac();
    const pending = core.subscribe('one', { wishes });
    await settle();
    await write(2);
    await pending;
    assert.deepEqual([dear.runs, cheap.runs], [0, 1]);
  });

  it('refuses when the budget is spent, naming both sides', async () => {
    core.streams.renditions.add(relabeller({ cores: 2 }), core.scope);
    await publishAac();
    await assert.rejects(
      core.subscribe('one', { wishes }),
      (error) => isError(error, 'budget-spent') && /AAC.*opus/.test(error.message),
    );
  });

  it('restarts a transcoder that died once, then tells its viewers why', async () => {
    const transcoder = relabeller({ failAfter: 5 });
    core.streams.renditions.add(transcoder, core.scope);
    const { write } = await publishAac();
    const pending = core.subscribe('one', { wishes });
    await settle();
    await write(6);
    const subscription = await pending;
    assert.equal(subscription.scope.closed, false);
    clock.advance(millis(1_100));
    await settle();
    assert.equal(transcoder.runs, 2);
    await write(6);
    await settle();
    assert.equal(subscription.scope.reason?.code, 'failed');
    assert.match(subscription.scope.reason?.detail ?? '', /encoder crashed/);
    assert.equal(core.streams.find('one')?.state, 'live');
  });

  it('waits for the first unit of an idle publisher for no longer than `streams.renditions.startTimeout`', async () => {
    const transcoder = relabeller();
    core.streams.renditions.add(transcoder, core.scope);
    const { write } = await publishAac();
    const before = core.scope.openScopes;
    const pending = core.subscribe('one', { wishes });
    const refused = assert.rejects(
      pending,
      (error) => isError(error, 'timed-out') && error.detail.seconds === 10 && /opus/.test(error.message),
    );
    await settle();
    assert.equal(transcoder.runs, 1);
    clock.advance(seconds(9));
    await settle();
    assert.equal([...core.streams.renditions.all()].length, 1);
    clock.advance(seconds(1));
    await refused;
    await settle();
    assert.deepEqual([...core.streams.renditions.all()], []);
    // The session of the test stays; nothing else does.
    assert.equal(core.scope.openScopes, before + 1);
    assert.equal(core.streams.find('one')?.state, 'live');
    // Who asks again when there is sound gets it.
    const again = core.subscribe('one', { wishes });
    await settle();
    await write(2);
    assert.equal((await again).tracks[0]?.codec, opus);
  });

  it('does not let a picture wait for sound that is idle: it comes when it is there', async () => {
    core.streams.renditions.add(relabeller(), core.scope);
    const { publication, write } = await publishAac();
    const picture = fakeH264();
    const video = publication.addTrack(picture);
    video.write(videoFrame(picture, 0));
    const pending = core.subscribe('one', {
      wishes: [
        { kind: 'video', accepts: accepting('h264') },
        { kind: 'audio', accepts: accepting('opus'), optional: true },
      ],
    });
    let joined = false;
    void pending.then(() => {
      joined = true;
    });
    await settle();
    clock.advance(millis(1_900));
    await settle();
    assert.equal(joined, false, 'a transcoder gets its time');
    clock.advance(millis(100));
    const subscription = await pending;
    assert.deepEqual(
      subscription.tracks.map(({ kind }) => kind),
      ['video'],
    );
    assert.equal(subscription.pull()?.unit.codec, picture);
    await write(3);
    const units = [];
    for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) units.push(next.unit);
    assert.ok(units.length >= 2 && units.every(({ codec }) => codec === opus), `${units.length} units of sound`);
    assert.equal(subscription.scope.closed, false);
  });

  it('gives up idle sound after `startTimeout` without a word to who sees the picture', async () => {
    core.streams.renditions.add(relabeller(), core.scope);
    const { publication } = await publishAac();
    const picture = fakeH264();
    publication.addTrack(picture).write(videoFrame(picture, 0));
    const pending = core.subscribe('one', {
      wishes: [
        { kind: 'audio', accepts: accepting('opus'), optional: true },
        { kind: 'video', accepts: accepting('h264') },
      ],
    });
    await settle();
    clock.advance(seconds(2));
    const subscription = await pending;
    clock.advance(seconds(8));
    await settle();
    assert.deepEqual([...core.streams.renditions.all()], []);
    assert.equal(subscription.scope.closed, false);
    assert.equal(subscription.pull()?.unit.codec, picture);
  });

  it('gives what the transcoder held back before viewers hear of the end', async () => {
    core.streams.renditions.add(withTail(3), core.scope);
    const { publication, write } = await publishAac();
    const pending = core.subscribe('one', { wishes });
    await settle();
    await write(8);
    const subscription = await pending;
    const ended: number[] = [];
    const reading = (async () => {
      for await (const { unit } of subscription) ended.push(unit.pts);
    })();
    await settle();
    assert.equal(ended.length, 4);
    await publication.scope.close({ code: 'done' });
    assert.equal(ended.length, 4);
    await reading;
    assert.equal(ended.length, 7);
    assert.equal(subscription.endReason?.code, 'done');
  });

  it('waits for a transcoder that does not end for no longer than `streams.drain`', async () => {
    core.streams.renditions.add(withTail(3, new Promise(() => undefined)), core.scope);
    const { publication, write } = await publishAac();
    const pending = core.subscribe('one', { wishes });
    await settle();
    await write(8);
    const subscription = await pending;
    await publication.scope.close({ code: 'done' });
    while (subscription.pull() !== undefined);
    clock.advance(seconds(6));
    assert.equal(await subscription.ready(), false);
    assert.equal(subscription.scope.reason?.code, 'publisher-left');
  });
});
