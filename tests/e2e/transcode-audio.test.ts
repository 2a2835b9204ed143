import assert from 'node:assert/strict';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { AudioCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { seconds } from '../../core/time/micros.ts';
import { AudioTranscoder } from '../../transcoders/audio/audio-transcoder.ts';
import { Ffmpeg } from '../../transcoders/ffmpeg/ffmpeg.ts';
import { TestCore } from '../support/test-core.ts';
import { decodeSound, encodeUnits, measureFrequency, measureLevel } from '../support/tone-source.ts';

/** One second of silence, then a tone: where it begins shows the offset. */
const tone = (rate: number, channels: number, more = ''): string[] => [
  ...['-f', 'lavfi', '-i', `sine=frequency=1000:sample_rate=${rate}`, '-t', '4'],
  ...['-af', `volume=0:enable='lt(t,1)',pan=${channels === 2 ? 'stereo|c0=c0|c1=c0' : 'mono|c0=c0'}${more}`],
];
const framed = ',asetnsamples=160:p=0';

const sources: readonly { name: AudioCodecName; args: readonly string[] }[] = [
  { name: 'aac', args: [...tone(48_000, 2), '-c:a', 'aac'] },
  { name: 'aac', args: [...tone(44_100, 1), '-c:a', 'aac'] },
  { name: 'opus', args: [...tone(48_000, 2), '-c:a', 'libopus'] },
  { name: 'mp3', args: [...tone(44_100, 2), '-c:a', 'libmp3lame'] },
  { name: 'pcmu', args: [...tone(8_000, 1, framed), '-c:a', 'pcm_mulaw'] },
  { name: 'pcma', args: [...tone(8_000, 1, framed), '-c:a', 'pcm_alaw'] },
  { name: 'g722', args: [...tone(16_000, 1), '-c:a', 'g722'] },
  { name: 'speex', args: [...tone(16_000, 1), '-c:a', 'libspeex'] },
];

describe('Audio through ffmpeg', function () {
  this.timeout(15_000);
  let core: TestCore;

  beforeEach(() => {
    core = new TestCore({ streams: { renditions: { linger: '0' } } });
    const ffmpeg = new Ffmpeg(
      { program: 'ffmpeg', nice: 5, threads: 1, grace: seconds(2), stallTimeout: seconds(10), hardware: 'none' },
      { clock: core.clock, log: core.observe.log },
    );
    core.streams.renditions.add(new AudioTranscoder({ ffmpeg }), core.scope, ffmpeg.probe(core.scope));
  });

  afterEach(async () => {
    await core.close();
    assert.equal(core.scope.openScopes, 0);
    assert.deepEqual(core.failures, []);
  });

  /** Publishes the units as fast as they go and gives what a viewer of `target` gets. */
  async function transcode(units: readonly AccessUnit[], target: CodecTarget): Promise<AccessUnit[]> {
    const publication = await core.publish('one', { expects: ['audio'] });
    const [first] = units;
    assert.ok(first !== undefined);
    const track = publication.addTrack(first.codec);
    const pending = core.subscribe('one', { wishes: [{ kind: 'audio', accepts: [target] }] });
    while (publication.stream.subscriptions.size === 0) await turn();
    // A viewer of sound alone begins with what comes next: it is there before the tone.
    for (const unit of units) if (unit.pts < 500_000) track.write(unit);
    const subscription = await pending;
    for (const unit of units) track.write(unit);
    const made: AccessUnit[] = [];
    const end = (units.at(-1)?.pts ?? 0) - 200_000;
    for await (const { unit } of subscription) {
      made.push(unit);
      if (unit.pts >= end) break;
    }
    return made;
  }

  it('one channel to two and two to one at the same level', async () => {
    for (const [from, to] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const units = encodeUnits('aac', [...tone(48_000, from), '-c:a', 'aac']);
      const made = await transcode(units, { codec: 'opus', channels: to });
      const change = toneOf(decodeSound(made)).level - toneOf(decodeSound(units)).level;
      assert.ok(Math.abs(change) < 1, `${from} to ${to}: ${change} dB`);
      await core.streams.find('one')?.publication?.scope.close({ code: 'done' });
    }
  });

  for (const target of ['opus', 'aac', 'pcmu', 'pcma', 'g722', 'speex', 'mp3'] as const) {
    for (const source of sources) {
      if (source.name === target && target !== 'aac') continue;
      it(`${source.name} to ${target}`, async () => {
        const units = encodeUnits(source.name, source.args);
        const made = await transcode(units, { codec: target, channels: 1 });
        assert.ok(made.every((unit) => unit.codec.name === target));
        const before = decodeSound(units);
        const after = decodeSound(made);
        const [was, is] = [toneOf(before), toneOf(after)];
        assert.ok(Math.abs(is.frequency - 1_000) < 1, `${is.frequency} Hz`);
        assert.ok(Math.abs(is.level - was.level) < 1, `${is.level} dB, was ${was.level}`);
        assert.ok(Math.abs(is.startsAt - was.startsAt) < 20_000, `${is.startsAt} µs, was ${was.startsAt}`);
      });
    }
  }
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Where the tone begins, and its pitch and level a while later. */
function toneOf({ samples, startsAt }: { samples: Float32Array; startsAt: number }) {
  const first = samples.findIndex((sample) => Math.abs(sample) > 0.04);
  const body = samples.subarray(first + 24_000, first + 24_000 + 72_000);
  return {
    startsAt: startsAt + (first / 48_000) * 1e6,
    frequency: measureFrequency(body),
    level: measureLevel(body),
  };
}
