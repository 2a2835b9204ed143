import assert from 'node:assert/strict';
import { noCredentials, refuse } from '../../../../core/access/access-control.ts';
import type { Core } from '../../../../core/core.ts';
import type { Scope } from '../../../../core/lifecycle/scope.ts';
import { AccessUnit } from '../../../../core/media/access-unit.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { type Micros, millis, seconds } from '../../../../core/time/micros.ts';
import { cmafVariant } from '../../../../modules/hls/cmaf.ts';
import { type HlsConfig, hlsConfig } from '../../../../modules/hls/config.ts';
import { renderMultivariant } from '../../../../modules/hls/multivariant.ts';
import type { Muxer } from '../../../../modules/hls/muxer.ts';
import { Muxers } from '../../../../modules/hls/muxers.ts';
import { tsVariant } from '../../../../modules/hls/ts.ts';
import { Viewers } from '../../../../modules/hls/viewers.ts';
import type { WaitResult } from '../../../../modules/hls/waiting.ts';
import { SegmentFile } from '../../../../modules/hls/window.ts';
import { readFragments } from '../../../../wire/fmp4/fragment-reader.ts';
import type { MediaPlaylist } from '../../../../wire/m3u8/playlist.ts';
import { readMediaPlaylist } from '../../../../wire/m3u8/read-media.ts';
import { readMultivariantPlaylist } from '../../../../wire/m3u8/read-multivariant.ts';
import { type Clip, MediaSource, makeClip } from '../../../support/media-source.ts';
import { readSection, TestCore } from '../../../support/test-core.ts';

describe('HLS: muxers and viewers, on a manual clock', function () {
  this.timeout(20_000);
  let clip: Clip;
  let clock: ManualClock;
  let core: TestCore;
  let scope: Scope;
  let config: HlsConfig;
  let muxers: Muxers;
  let user: Scope;

  before(async () => {
    clip = await makeClip();
  });

  beforeEach(() => {
    begin({});
  });

  afterEach(async () => {
    await core.close();
    assert.deepEqual(core.failures, []);
    assert.equal(core.scope.openScopes, 0);
  });

  function begin(tree: object): void {
    clock = new ManualClock(0, 1_800_000_000_000_000);
    core = new TestCore({ clock });
    scope = core.scope.child('hls');
    config = readSection(hlsConfig, tree);
    muxers = new Muxers(config, { core: coreOf(), scope });
    user = core.scope.child('user');
  }

  function coreOf(): Core {
    const { events, observe, access, sessions, streams } = core;
    return { clock, scope, events, observe, access, sessions, streams, services: undefined as never };
  }

  async function start(name = 'live', variant = cmafVariant): Promise<{ source: MediaSource; muxer: Muxer }> {
    const source = await MediaSource.publish(core, name, clip, { loop: true });
    return { source, muxer: await muxers.slotFor(name, variant).demand.use(user) };
  }

  function playlistOf(muxer: Muxer, delta = false): MediaPlaylist {
    return readMediaPlaylist(muxer.playlist(delta).body.toString());
  }

  it('lists parts near the edge, a hint, control and wall time', async () => {
    const { muxer } = await start();
    await clock.advanceSettling(seconds(15));
    const list = playlistOf(muxer);
    assert.equal(list.targetDuration, 2);
    assert.equal(list.partTarget, 0.205);
    assert.deepEqual(list.serverControl, { canBlockReload: true, canSkipUntil: 12, holdBack: 6, partHoldBack: 0.8 });
    assert.equal(list.independentSegments, true);
    assert.equal(list.segments.length, 7 + 1);
    assert.equal(list.segments[0]?.duration, 1, 'the first ends at the first chance');
    assert.equal(list.segments[1]?.duration, 1, 'from then on, whole multiples of the wished length');
    for (const segment of list.segments.slice(2)) assert.equal(segment.duration, 2);
    assert.equal(list.segments[1]?.parts, undefined);
    assert.equal(list.segments[list.segments.length - 1]?.parts?.length, 10);
    assert.equal(list.preloadHints[0]?.type, 'PART');
    const [first, second] = list.segments;
    assert.equal(first?.programDateTime, Math.round(clock.wallNow() / 1e6) * 1e6 - 15e6);
    assert.equal((second?.programDateTime ?? 0) - (first?.programDateTime ?? 0), 1e6);
    assert.equal(list.segments[0]?.map?.uri, muxer.window.listed[0]?.map?.uri);
    assert.equal(
      muxer
        .playlist(false)
        .body.toString()
        .match(/EXT-X-MAP/g)?.length,
      1,
    );
  });

  it('keeps to the length of the list and lets go of what is old', async () => {
    const { muxer } = await start();
    await clock.advanceSettling(seconds(20));
    const early = playlistOf(muxer).segments[0]?.uri ?? '';
    assert.ok(muxer.find(early) instanceof SegmentFile);
    await clock.advanceSettling(seconds(10));
    assert.equal(playlistOf(muxer).segments.length, 8);
    assert.ok(muxer.find(early) !== undefined, 'those with an older list may still ask');
    await clock.advanceSettling(seconds(30));
    assert.equal(muxer.find(early), undefined);
    const { window } = muxer;
    assert.ok(window.bytes < 20 * 2 * 200_000, `${window.bytes}`);
    assert.equal(window.bytes, muxers.budgets.memory.used);
  });

  it('keeps within the bytes that it may use', async () => {
    await core.close();
    begin({ memory: { stream: '1MiB' }, listSize: 100 });
    const { muxer } = await start();
    await clock.advanceSettling(seconds(60));
    assert.ok(muxer.window.bytes < 1.5 * (1 << 20), `${muxer.window.bytes}`);
    assert.ok(playlistOf(muxer).segments.length >= 3);
  });

  it('shortens the list for those who have the rest', async () => {
    const { muxer } = await start();
    await clock.advanceSettling(seconds(40));
    const full = playlistOf(muxer);
    const delta = playlistOf(muxer, true);
    assert.ok((delta.skippedSegments ?? 0) > 0);
    assert.equal(delta.segments.length + (delta.skippedSegments ?? 0), full.segments.length);
    assert.deepEqual(delta.segments[delta.segments.length - 1], full.segments[full.segments.length - 1]);
    assert.equal(delta.version, 9);
  });

  it('answers those who wait for a part, a segment, or the part after the last', async () => {
    const { muxer } = await start();
    await clock.advanceSettling(millis(5_450));
    const edge = muxer.window.edgeMsn;
    const answers: string[] = [];
    const wait = (name: string, msn: number, part: number | undefined): void => {
      const tell = (result: WaitResult): void => void answers.push(`${name} ${result}`);
      muxer.wait(() => muxer.has({ msn, part }), tell);
    };
    wait('listed', edge - 1, 3);
    wait('past the last', edge - 1, 10);
    wait('here', edge, 0);
    wait('next part', edge, muxer.window.open?.parts.length ?? 0);
    wait('part 8', edge, 8);
    wait('segment', edge, undefined);
    wait('next segment', edge + 1, 0);
    assert.deepEqual(answers, ['listed ready', 'past the last ready', 'here ready']);
    assert.equal(muxers.budgets.waits.waiting, 4);
    await clock.advanceSettling(millis(250));
    assert.deepEqual(answers.slice(3), ['next part ready']);
    await clock.advanceSettling(seconds(2));
    assert.deepEqual(answers.slice(4), ['part 8 ready', 'segment ready', 'next segment ready']);
    assert.equal(muxers.budgets.waits.waiting, 0);
  });

  it('calls what is far off too far', async () => {
    const { muxer } = await start();
    await clock.advanceSettling(seconds(5));
    const edge = muxer.window.edgeMsn;
    assert.equal(muxer.isTooFar({ msn: edge - 3, part: 500 }), false);
    assert.equal(muxer.isTooFar({ msn: edge + 1, part: undefined }), false);
    assert.equal(muxer.isTooFar({ msn: edge + 2, part: undefined }), true);
    assert.equal(muxer.isTooFar({ msn: edge, part: 1_000 }), true);
  });

  it('lets a wait end in time, and take itself back', async () => {
    const { muxer } = await start();
    await clock.advanceSettling(seconds(1));
    const answers: WaitResult[] = [];
    muxer.wait(
      () => false,
      (result) => answers.push(result),
    );
    const cancel = muxer.wait(
      () => false,
      (result) => answers.push(result),
    );
    cancel();
    await clock.advanceSettling(seconds(16));
    assert.deepEqual(answers, ['timeout']);
    assert.equal(muxer.waiting.count, 0);
  });

  it('marks a publisher that came back, and counts marks that left the list', async () => {
    const { source, muxer } = await start();
    await clock.advanceSettling(seconds(5));
    await source.drop();
    await clock.advanceSettling(seconds(2));
    await MediaSource.publish(core, 'live', clip, { loop: true });
    await clock.advanceSettling(seconds(5));
    const list = playlistOf(muxer);
    const marked = list.segments.filter(({ discontinuity }) => discontinuity === true);
    assert.equal(marked.length, 1);
    assert.equal(
      muxer
        .playlist(false)
        .body.toString()
        .match(/EXT-X-MAP/g)?.length,
      1,
      'equal codecs keep their init section',
    );
    const times = list.segments.map(({ programDateTime }) => programDateTime ?? 0);
    const index = list.segments.indexOf(marked[0] as (typeof marked)[0]);
    assert.ok((times[index] ?? 0) - (times[index - 1] ?? 0) > 1.9e6, 'the gap shows in wall time');
    await clock.advanceSettling(seconds(30));
    assert.equal(playlistOf(muxer).discontinuitySequence, 1);
  });

  it('ends the list with the stream, keeps it for a while, and begins anew with a new one', async () => {
    const { source, muxer } = await start();
    await clock.advanceSettling(seconds(5));
    const before = muxer.window.edgeMsn;
    const answers: WaitResult[] = [];
    muxer.wait(
      () => muxer.has({ msn: before + 1, part: 0 }),
      (result) => answers.push(result),
    );
    await source.end();
    await clock.advanceSettling(millis(100));
    assert.deepEqual(answers, ['ready'], 'an end is an answer');
    const text = muxer.playlist(false).body.toString();
    assert.match(text, /#EXT-X-ENDLIST\n$/);
    assert.doesNotMatch(text, /PRELOAD-HINT|EXT-X-PART|SERVER-CONTROL/);
    assert.ok(muxers.isWithinReach('live', cmafVariant));
    const units = muxer.window.listed.reduce((sum, { duration }) => sum + duration, 0);
    assert.ok(Math.abs(units - 5e6) < 50_000, `${units}`);
    await MediaSource.publish(core, 'live', clip, { loop: true });
    const other = await muxers.slotFor('live', cmafVariant).demand.use(user);
    assert.notEqual(other, muxer);
    await clock.advanceSettling(seconds(3));
    assert.ok(other.isPlayable);
    assert.ok(other.window.edgeMsn > before, 'numbers never go back');
  });

  it('lets the rest of an ended stream go after a while', async () => {
    const { source } = await start();
    await clock.advanceSettling(seconds(3));
    await source.end();
    await clock.advanceSettling(seconds(50), 100_000);
    assert.ok(muxers.isWithinReach('live', cmafVariant));
    await clock.advanceSettling(seconds(15), 100_000);
    assert.ok(!muxers.isWithinReach('live', cmafVariant));
    assert.equal(muxers.budgets.memory.used, 0);
  });

  it('stops packaging when nobody has asked for a while', async () => {
    const { muxer } = await start();
    await clock.advanceSettling(seconds(3));
    await user.close({ code: 'idle' });
    await clock.advanceSettling(seconds(29), 100_000);
    assert.ok(muxer.window.listed.length > 0);
    await clock.advanceSettling(seconds(2), 100_000);
    assert.equal([...muxers.all()].length, 0);
    assert.equal(muxers.budgets.memory.used, 0);
    assert.equal(core.sessions.count('hls-muxer'), 0);
  });

  it('describes the stream: codecs, size, rates', async () => {
    const { muxer } = await start();
    await clock.advanceSettling(seconds(9));
    const text = renderMultivariant(muxer, new URLSearchParams({ token: 'a b' }));
    const [variant] = readMultivariantPlaylist(text).variants;
    assert.equal(variant?.uri, 'media.m3u8?token=a+b');
    assert.match(variant.codecs ?? '', /^avc1\.42c0..,mp4a\.40\.2$/);
    assert.deepEqual(variant.resolution, { width: 320, height: 180 });
    assert.equal(variant.frameRate, 30);
    const bytes = clip.units.reduce((sum, { size }) => sum + size, 0);
    const rate = (bytes * 8e6) / clip.duration;
    assert.ok((variant.averageBandwidth ?? 0) > rate && (variant.averageBandwidth ?? 0) < rate * 1.1);
    assert.ok(variant.bandwidth >= (variant.averageBandwidth ?? 0));
  });

  it('lays sound end to end though its times are rounded to milliseconds', async () => {
    const round = (time: Micros): Micros => millis(Math.floor(time / 1_000));
    const units = clip.units.map(
      (unit) =>
        new AccessUnit({
          codec: unit.codec,
          pts: round(unit.pts),
          dts: round(unit.dts),
          keyframe: unit.keyframe,
          parts: unit.parts,
        }),
    );
    await MediaSource.publish(core, 'rounded', { ...clip, units }, { loop: true });
    const muxer = await muxers.slotFor('rounded', cmafVariant).demand.use(user);
    await clock.advanceSettling(seconds(5));
    let next: number | undefined;
    for (const segment of muxer.window.listed) {
      for (const fragment of readFragments(segment.body)) {
        for (const sample of fragment.tracks.find(({ trackId }) => trackId === 2)?.samples ?? []) {
          assert.equal(sample.duration, 1_024);
          if (next !== undefined) assert.equal(sample.dts, next);
          next = sample.dts + sample.duration;
        }
      }
    }
    assert.ok(next !== undefined);
  });

  it('joins a finished segment once, its parts being views of it', async () => {
    const { muxer } = await start();
    await clock.advanceSettling(seconds(5));
    const segment = muxer.window.listed[1] as SegmentFile;
    const apart = Buffer.concat(segment.parts.map(({ body }) => body));
    assert.ok(segment.body.equals(apart));
    assert.equal(segment.body, segment.body);
    for (const part of segment.parts) assert.equal(part.body.buffer, segment.body.buffer);
  });

  it('packages MPEG-TS without parts', async () => {
    const { muxer } = await start('live', tsVariant);
    await clock.advanceSettling(seconds(9));
    const list = playlistOf(muxer);
    assert.equal(list.partTarget, undefined);
    assert.equal(list.serverControl, undefined);
    assert.equal(list.open, undefined);
    assert.equal(list.version, 3);
    const segment = muxer.window.listed[0] as SegmentFile;
    assert.equal(segment.body.length % 188, 0);
    assert.equal(segment.body[0], 0x47);
  });

  describe('viewers', () => {
    let viewers: Viewers;

    beforeEach(() => {
      viewers = new Viewers(config.limits, { core: coreOf(), scope });
      viewers.watch();
    });

    const request = { stream: 'live', address: '192.0.2.1', agent: 'x', id: undefined, credentials: noCredentials };

    it('knows a viewer again by its mark, at its address', async () => {
      const first = await viewers.admit(request);
      assert.ok('id' in first);
      assert.equal(await viewers.admit({ ...request, id: first.id }), first);
      const moved = await viewers.admit({ ...request, id: first.id, address: '192.0.2.2' });
      assert.notEqual(moved, first);
      assert.equal(viewers.count, 1, 'the mark belongs to one');
      assert.notEqual(await viewers.admit({ ...request, stream: 'other', id: first.id }), moved);
    });

    it('closes a viewer that asks no more, and not one that waits', async () => {
      const waits = await viewers.admit(request);
      const leaves = await viewers.admit(request);
      assert.ok('id' in waits && 'id' in leaves);
      waits.active = 1;
      await clock.advanceSettling(seconds(17), 100_000);
      assert.equal(leaves.session.scope.closed, true);
      assert.equal(waits.session.scope.closed, false);
      assert.equal(viewers.count, 1);
    });

    it('asks the policies once, and keeps nothing of those refused', async () => {
      let asked = 0;
      const decide = () => {
        asked += 1;
        return refuse('no');
      };
      core.access.add({ name: 'no', decide }, scope);
      const open = core.scope.openScopes;
      assert.deepEqual(await viewers.admit(request), refuse('no'));
      assert.equal(asked, 1);
      assert.equal(viewers.count, 0);
      assert.equal(core.scope.openScopes, open);
    });

    it('holds a muxer once, however often a viewer asks, and lets it go with the viewer', async () => {
      await MediaSource.publish(core, 'live', clip, { loop: true });
      const viewer = await viewers.admit(request);
      assert.ok('id' in viewer);
      const slot = muxers.slotFor('live', cmafVariant);
      await viewers.hold(viewer, slot);
      for (let index = 0; index < 10; index += 1) await viewers.hold(viewer, muxers.slotFor('live', cmafVariant));
      assert.equal(slot.demand.users, 1);
      await viewer.session.scope.close({ code: 'idle' });
      assert.equal(slot.demand.users, 0);
    });

    it('leaves nothing behind where there is no stream', async () => {
      const viewer = await viewers.admit(request);
      assert.ok('id' in viewer);
      const open = core.scope.openScopes;
      for (let index = 0; index < 5; index += 1) {
        await assert.rejects(viewers.hold(viewer, muxers.slotFor('live', cmafVariant)), /no stream/);
      }
      await clock.advanceSettling(10_000 as Micros);
      assert.equal(core.scope.openScopes, open);
      assert.equal(viewer.holds.size, 0);
    });
  });
});
