import assert from 'node:assert/strict';
import { allow, noCredentials, refuse } from '../../core/access/access-control.ts';
import { anyCodec } from '../../core/media/codec-target.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import type { Session } from '../../core/sessions/session.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { waitFor } from '../support/wait-for.ts';
import type { HarnessPlayer, ProtocolClients, ProtocolHarness, ReceivedUnit } from './harness.ts';
import {
  audioMicros,
  frameMillis,
  framesInGroup,
  type NumberedSource,
  publishNumbered,
  readNumber,
} from './numbered-media.ts';

/** As `waitFor`, with more patience. */
export function eventually(what: string, holds: () => boolean, seconds = 8): Promise<void> {
  return waitFor(what, holds, seconds);
}

function of(kind: 'video' | 'audio', units: readonly ReceivedUnit[]): ReceivedUnit[] {
  return units.filter((unit) => unit.kind === kind);
}

function assertUnbroken(units: readonly ReceivedUnit[], what: string): void {
  for (let index = 1; index < units.length; index += 1) {
    assert.equal(units[index]?.number, (units[index - 1]?.number ?? 0) + 1, `${what}: a gap or a double`);
  }
}

/** What every protocol must do alike. Each module runs it through its harness. */
export function conformance(harness: ProtocolHarness): void {
  describe(`Conformance: ${harness.protocol}`, () => {
    let server: Server;
    let clients: ProtocolClients;
    let baseLine: number;

    beforeEach(async () => {
      const config = { ...harness.config, streams: { drain: '2s', reconnectGrace: '2s' } };
      server = createServer({ modules: harness.modules, config, log: silentLog });
      await server.start();
      clients = harness.connect(server.urls());
      await harness.warmUp?.(clients);
      await eventually('the first client to go', () => server.core.sessions.count() === 0);
      baseLine = server.core.scope.openScopes;
    });

    afterEach(async () => {
      try {
        await eventually('open scopes back at base line', () => server.core.scope.openScopes <= baseLine, 9);
      } finally {
        await server.stop();
      }
      assert.equal(server.core.scope.openScopes, 0);
    });

    function openSession(): Session {
      return server.core.sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: server.core.scope });
    }

    async function publishInside(
      name: string,
      frameBytes?: number,
    ): Promise<{ publication: Publication; source: NumberedSource; leave: () => Promise<void> }> {
      const numbered = await publishNumbered(server.core, name, frameBytes, harness.audioCodec);
      const { session, publication, source } = numbered;
      const leave = async (): Promise<void> => {
        await publication.scope.close({ code: 'done' });
        await session.scope.close({ code: 'done' });
      };
      return { publication, source, leave };
    }

    async function subscribeInside(name: string): Promise<{ subscription: Subscription; session: Session }> {
      const session = openSession();
      const wishes = (['video', 'audio'] as const).map((kind) => ({ kind, accepts: anyCodec(kind) }));
      const subscription = await server.core.streams.subscribe({ name, session, credentials: noCredentials, wishes });
      return { subscription, session };
    }

    it('starts a player at a key frame and gives it every unit of both tracks', async () => {
      const { source, leave } = await publishInside('live');
      source.write(framesInGroup * 2 + 7);
      const player = await clients.play('live');
      source.write(framesInGroup * 4);
      await eventually('all pictures', () => of('video', player.units).at(-1)?.number === source.pictures - 1);
      await eventually('all sounds', () => (of('audio', player.units).at(-1)?.number ?? 0) >= source.sounds - 2);
      const video = of('video', player.units);
      assert.equal(video[0]?.keyframe, true);
      assert.equal((video[0]?.number ?? 1) % framesInGroup, 0);
      assertUnbroken(video, 'video');
      assertUnbroken(of('audio', player.units), 'audio');
      for (const unit of video) assert.equal(unit.keyframe, unit.number % framesInGroup === 0);
      await player.close();
      await leave();
    });

    it('keeps picture and sound within 40 ms of each other', async () => {
      const { source, leave } = await publishInside('live');
      source.write(framesInGroup);
      const live = source.pictures - 1;
      const player = await clients.play('live');
      source.write(framesInGroup * 4);
      await eventually('some seconds', () => of('video', player.units).length > framesInGroup * 3);
      const inTime = player.units.filter(
        ({ kind, number }) => kind === 'audio' || number >= live || harness.catchesUp !== true,
      );
      const offsets = inTime.map(
        (unit) =>
          unit.millis - (unit.kind === 'video' ? unit.number * frameMillis : (unit.number * audioMicros) / 1_000),
      );
      const spread = Math.max(...offsets) - Math.min(...offsets);
      assert.ok(spread <= 40, `picture and sound are up to ${spread} ms apart`);
      await player.close();
      await leave();
    });

    it('tells a player that there is no such stream, in its own words', async () => {
      await assert.rejects(clients.play('nobody'), harness.words.notFound);
    });

    it('tells a player that a policy refused, in its own words', async () => {
      const { source, leave } = await publishInside('live');
      source.write(3);
      const policy = server.core.scope.child('policy');
      server.core.access.add(
        { name: 'no', decide: ({ action }) => (action === 'connect' ? allow : refuse('not today')) },
        policy,
      );
      await assert.rejects(clients.play('live'), harness.words.refusedToPlay);
      await policy.close({ code: 'done' });
      await leave();
    });

    it('tells players that the publisher has ended, after the last unit', async () => {
      const { source, leave } = await publishInside('live');
      source.write(framesInGroup + 3);
      const player = await clients.play('live');
      source.write(framesInGroup);
      await leave();
      assert.match(await player.ended, harness.words.ended);
      assert.equal(of('video', player.units).at(-1)?.number, source.pictures - 1);
      await player.close();
    });

    it('lets a stalled player hurt nobody, and takes it back at a key frame', async function () {
      this.timeout(60_000);
      const { source, leave } = await publishInside('live', 20_000);
      source.write(3);
      const stalled = await clients.play('live');
      const reading = await clients.play('live');
      if (stalled.stall === undefined || stalled.resume === undefined) {
        // Nothing is pushed to clients who ask for each piece: there is no queue of theirs to overflow.
        await Promise.all([stalled.close(), reading.close(), leave()]);
        return;
      }
      await eventually('a first picture', () => stalled.units.length > 0);
      stalled.stall();
      for (let turn = 0; turn < 120; turn += 1) {
        source.write(framesInGroup);
        await eventually(
          'the reader keeps up',
          () => of('video', reading.units).length >= source.pictures - framesInGroup * 3,
        );
      }
      await eventually('the reader has all', () => of('video', reading.units).at(-1)?.number === source.pictures - 1);
      assertUnbroken(of('video', reading.units), 'the reader beside the stalled one');
      assert.ok(source.keptBytes < 20_000 * framesInGroup * 14, `${source.keptBytes} bytes kept for a stalled player`);
      stalled.resume();
      await resumesAtKeyframe(stalled, source);
      await Promise.all([stalled.close(), reading.close()]);
      await leave();
    });

    if (publishes(harness)) {
      it('takes a publisher in and passes every unit on', async () => {
        const publisher = await mustPublish(clients, 'in');
        publisher.video(0, true);
        publisher.audio(0);
        const { subscription, session } = await subscribeInside('in');
        for (let number = 1; number < 60; number += 1) {
          publisher.video(number, number % framesInGroup === 0);
          publisher.audio(number);
        }
        const got = { video: [] as number[], audio: [] as number[] };
        await eventually('60 pictures and sounds', () => {
          for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) {
            const last = next.unit.parts.at(-1);
            if (last !== undefined) got[next.track.kind].push(readNumber(last));
          }
          return got.video.length >= 60 && got.audio.length >= 60;
        });
        const all = Array.from({ length: 60 }, (_, index) => index);
        assert.deepEqual(got, { video: all, audio: all });
        await publisher.leave();
        await eventually('the stream is gone', () => server.core.streams.find('in') === undefined);
        await session.scope.close({ code: 'done' });
      });

      for (const how of harness.vanishings ?? [undefined])
        it(`keeps the viewers of a publisher that vanished${how === undefined ? '' : ` ${how}`}, and takes it back`, async () => {
          const first = await mustPublish(clients, 'in');
          first.video(0, true);
          first.audio(0);
          const { subscription, session } = await subscribeInside('in');
          await eventually('the first picture', () => subscription.pull() !== undefined);
          first.vanish(how);
          await eventually('interrupted', () => server.core.streams.find('in')?.state === 'interrupted');
          assert.equal(subscription.scope.closed, false);
          const second = await mustPublish(clients, 'in');
          second.video(1_000, true);
          second.audio(1_000);
          await eventually('the picture of the second', () => {
            for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) {
              if (next.track.kind === 'video') return readNumber(next.unit.parts.at(-1) ?? Buffer.alloc(8)) === 1_000;
            }
            return false;
          });
          await second.leave();
          await session.scope.close({ code: 'done' });
        });

      it('tells players when a publisher that vanished does not come back', async () => {
        const publisher = await mustPublish(clients, 'in');
        publisher.video(0, true);
        publisher.audio(0);
        const player = await clients.play('in');
        publisher.vanish(harness.vanishings?.[0]);
        assert.match(await player.ended, harness.words.ended);
        assert.equal(server.core.streams.find('in'), undefined);
        await player.close();
      });

      it('refuses a name that is live, in its own words', async () => {
        const { leave } = await publishInside('taken');
        await assert.rejects(mustPublish(clients, 'taken'), harness.words.nameTaken ?? /^$/);
        assert.equal(server.core.streams.find('taken')?.publications, 1);
        await leave();
      });

      it('tells a publisher that a policy refused, and takes no media from it', async () => {
        const policy = server.core.scope.child('policy');
        server.core.access.add(
          { name: 'no', decide: ({ action }) => (action === 'connect' ? allow : refuse('not today')) },
          policy,
        );
        await assert.rejects(mustPublish(clients, 'in'), harness.words.refusedToPublish ?? /^$/);
        assert.equal(server.core.streams.find('in'), undefined);
        await policy.close({ code: 'done' });
      });
    }
  });
}

function publishes(harness: ProtocolHarness): boolean {
  return harness.words.refusedToPublish !== undefined;
}

function mustPublish(clients: ProtocolClients, name: string) {
  if (clients.publish === undefined) throw new Error('the harness has words for publishing but no publisher');
  return clients.publish(name);
}

/** After a gap the first picture is a key frame, and from there on none is missing. */
async function resumesAtKeyframe(player: HarnessPlayer, source: NumberedSource): Promise<void> {
  const from = source.pictures;
  for (let turn = 0; turn < 40; turn += 1) {
    source.write(framesInGroup);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await eventually(
    'the stalled player caught up',
    () => of('video', player.units).at(-1)?.number === source.pictures - 1,
    20,
  );
  const video = of('video', player.units);
  const gaps = video.filter((unit, index) => index > 0 && unit.number !== (video[index - 1]?.number ?? 0) + 1);
  assert.ok(gaps.length > 0, 'it was stalled long enough to lose something');
  for (const unit of gaps) assert.ok(unit.keyframe, `picture ${unit.number} after a gap is no key frame`);
  assert.ok((gaps.at(-1)?.number ?? 0) < from + framesInGroup * 40);
}
