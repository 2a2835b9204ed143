import { seconds } from '../../core/time/micros.ts';
import { planAudio } from '../../transcoders/audio/audio-plan.ts';
import { Conversion } from '../../transcoders/ffmpeg/conversion.ts';
import { Ffmpeg } from '../../transcoders/ffmpeg/ffmpeg.ts';
import { fakeAac } from './fake-media.ts';
import { TestCore } from './test-core.ts';

/** A server to be killed: says its ffmpeg's process id and waits. */
const core = new TestCore();
const ffmpeg = new Ffmpeg(
  { program: 'ffmpeg', nice: 0, threads: 1, grace: seconds(2), stallTimeout: seconds(60), hardware: 'none' },
  { clock: core.clock, log: core.observe.log },
);
const conversion = new Conversion(planAudio(fakeAac(), { codec: 'opus' }), {
  ffmpeg,
  scope: core.scope,
  onUnit: () => undefined,
  onEnd: () => undefined,
});
// Once it runs: until then the name is still that of this program.
setTimeout(() => console.log(conversion.pid), 500);
