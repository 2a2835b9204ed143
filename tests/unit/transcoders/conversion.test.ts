import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { SwitchyardError } from '../../../core/errors.ts';
import { ManualClock } from '../../../core/time/manual-clock.ts';
import { millis, seconds } from '../../../core/time/micros.ts';
import { planAudio } from '../../../transcoders/audio/audio-plan.ts';
import { Conversion } from '../../../transcoders/ffmpeg/conversion.ts';
import { Ffmpeg } from '../../../transcoders/ffmpeg/ffmpeg.ts';
import { makeFakeFfmpeg } from '../../support/fake-ffmpeg.ts';
import { audioFrame, fakeAac } from '../../support/fake-media.ts';
import { TestCore } from '../../support/test-core.ts';
import { waitFor } from '../../support/wait-for.ts';

const stallTimeout = seconds(10);

/** Of a process, as the system schedules it: proc(5), field 19 of `stat`. */
function niceOf(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name in front, in brackets, may hold anything.
  const [, ...fields] = stat.slice(stat.lastIndexOf(')')).split(' ');
  return Number(fields[19 - 3]);
}

describe('An ffmpeg at work', () => {
  const aac = fakeAac();
  let core: TestCore;
  let clock: ManualClock;
  let fake: ReturnType<typeof makeFakeFfmpeg>;

  beforeEach(() => {
    clock = new ManualClock();
    core = new TestCore({ clock });
    fake = makeFakeFfmpeg({ encoders: ['libopus'], stalls: true });
  });

  afterEach(async () => {
    await core.close();
    fake.remove();
    assert.equal(core.scope.openScopes, 0);
    assert.deepEqual(core.failures, []);
  });

  function begin(nice = 0): { conversion: Conversion; ended: Promise<void>; hasEnded: () => boolean } {
    const settings = { program: fake.program, threads: 1, grace: seconds(2), hardware: 'none' as const };
    const ffmpeg = new Ffmpeg({ ...settings, nice, stallTimeout }, { clock, log: core.observe.log });
    let over = false;
    let tell: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const conversion = new Conversion(planAudio(aac, { codec: 'opus' }), {
      ffmpeg,
      scope: core.scope,
      onUnit: () => assert.fail('it gives nothing'),
      onEnd: () => {
        over = true;
        tell();
      },
    });
    return { conversion, ended, hasEnded: () => over };
  }

  it('is ended when it takes in media and gives none for as long as it may, and says so', async () => {
    const { conversion, ended } = begin();
    conversion.write(audioFrame(aac, 0), 0);
    // What came in just before a look may still be at work: the second look counts.
    clock.advance(stallTimeout);
    conversion.check();
    clock.advance(millis(9_999));
    conversion.check();
    clock.advance(millis(1));
    const isTold = (error: unknown): boolean =>
      error instanceof SwitchyardError &&
      error.code === 'transcoder-failed' &&
      /takes in media and gives none/.test(error.message);
    assert.throws(() => conversion.check(), isTold);
    await ended;
    assert.ok(conversion.hasEnded);
    assert.throws(() => process.kill(conversion.pid ?? 0, 0), /ESRCH/);
  });

  it('may wait for media as long as it likes', async () => {
    const { conversion, ended, hasEnded } = begin();
    for (let turn = 0; turn < 10; turn += 1) clock.advance(stallTimeout);
    conversion.check();
    assert.equal(hasEnded(), false);
    void core.scope.close({ code: 'done' });
    await ended;
  });

  for (const nice of [0, 7, 19]) {
    it(`runs ${nice} behind the server, as it was told`, async () => {
      const own = niceOf(process.pid);
      const { conversion } = begin(nice);
      await waitFor('its priority', () => niceOf(conversion.pid) === (nice === 0 ? own : nice));
    });
  }
});
