import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { SwitchyardError } from '../../core/errors.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { accepting } from '../../core/media/codec-target.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { TrackWish } from '../../core/streams/requests.ts';
import { seconds } from '../../core/time/micros.ts';
import { AudioTranscoder } from '../../transcoders/audio/audio-transcoder.ts';
import { Ffmpeg } from '../../transcoders/ffmpeg/ffmpeg.ts';
import { VideoTranscoder } from '../../transcoders/video/video-transcoder.ts';
import { TestCore } from '../support/test-core.ts';
import { encodeUnits, shifted } from '../support/tone-source.ts';

/** Half a minute where the build has to wait for it; `SOAK_SECONDS=300` by hand. */
const length = Number(process.env['SOAK_SECONDS'] ?? 30);
const viewers = 200;
const wishes: readonly (readonly TrackWish[])[] = [
  [{ kind: 'audio', accepts: accepting('opus') }],
  [{ kind: 'video', accepts: accepting('vp8') }],
  [{ kind: 'audio', accepts: [{ codec: 'pcma', sampleRate: 8_000 }] }],
  [
    { kind: 'video', accepts: [{ codec: 'h264', width: 160, height: 120 }] },
    { kind: 'audio', accepts: accepting('aac') },
  ],
];

describe('Transcoding with viewers that come and go', function () {
  this.timeout((length + 60) * 1_000);

  it(`leaves no process, scope or descriptor behind after ${length} s`, async () => {
    const descriptorsBefore = countDescriptors();
    const core = new TestCore({ streams: { renditions: { linger: '200ms', cores: 16 } } });
    const ffmpeg = new Ffmpeg(
      { program: 'ffmpeg', nice: 5, threads: 1, grace: seconds(2), stallTimeout: seconds(10), hardware: 'none' },
      { clock: core.clock, log: core.observe.log },
    );
    await ffmpeg.probe(core.scope);
    core.streams.renditions.add(new AudioTranscoder({ ffmpeg }), core.scope);
    core.streams.renditions.add(new VideoTranscoder({}, { ffmpeg }), core.scope);
    const publication = await core.publish('one', { expects: ['video', 'audio'] });
    const end = performance.now() + length * 1_000;
    const feeding = [
      feed(publication, picture(), 2_000_000, end),
      feed(publication, encodeUnits('aac', [...tone, '-c:a', 'aac']), (94 * 1024 * 1e6) / 48_000, end),
    ];
    const base = core.scope.openScopes;
    let random = 7;
    const next = (): number => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      return random / 2 ** 32;
    };
    let joined = 0;
    let received = 0;
    const view = async (): Promise<void> => {
      while (performance.now() < end) {
        const session = core.openSession();
        try {
          const wish = wishes[Math.floor(next() * wishes.length)] ?? [];
          const subscription = await core.subscribe('one', { session, wishes: wish });
          joined += 1;
          await pause(next() * 3_000);
          while (subscription.pull() !== undefined) received += 1;
        } catch (error) {
          assert.ok(error instanceof SwitchyardError, String(error));
        }
        await session.scope.close({ code: 'done' });
        await pause(next() * 2_000);
      }
    };
    await Promise.all(Array.from({ length: viewers }, view));
    await Promise.all(feeding);
    assert.ok(joined > viewers && received > joined, `${joined} joined, ${received} units`);
    for (let waited = 0; core.scope.openScopes > base && waited < 5_000; waited += 50) await pause(50);
    assert.equal(core.scope.openScopes, base);
    assert.deepEqual([...core.streams.renditions.all()], []);
    await core.close();
    assert.equal(core.scope.openScopes, 0);
    assert.deepEqual(core.failures, []);
    assert.deepEqual(ffmpegChildren(), []);
    assert.ok(countDescriptors() <= descriptorsBefore + 2, `${countDescriptors()}, were ${descriptorsBefore}`);
  });
});

const tone = ['-f', 'lavfi', '-i', 'sine=1000:sample_rate=48000', '-t', '2'];

function picture(): AccessUnit[] {
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=15', '-frames:v', '30', '-pix_fmt', 'yuv420p'];
  return encodeUnits('h264', [...source, '-c:v', 'libx264', '-g', '15', '-bf', '0']);
}

/** Plays the units over and over at their own speed. */
async function feed(to: Publication, units: readonly AccessUnit[], round: number, end: number): Promise<void> {
  const track = to.addTrack((units[0] as AccessUnit).codec);
  const began = performance.now();
  for (let index = 0; performance.now() < end; index += 1) {
    const unit = shifted(
      units[index % units.length] as AccessUnit,
      Math.round(Math.floor(index / units.length) * round),
    );
    while ((performance.now() - began) * 1_000 < unit.pts) await pause(5);
    track.write(unit);
  }
}

function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Children of this process, zombies too. */
function ffmpegChildren(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [, name = '', rest = ''] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
        return name === 'ffmpeg' && Number(rest.split(' ')[1]) === process.pid;
      } catch {
        // It ended while the list was read.
        return false;
      }
    });
}
