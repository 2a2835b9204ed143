import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { AudioCodec, AudioCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { pcmCodec } from '../../core/media/codecs/telephony.ts';
import { seconds } from '../../core/time/micros.ts';
import { planAudio } from '../../transcoders/audio/audio-plan.ts';
import { AudioTranscoder } from '../../transcoders/audio/audio-transcoder.ts';
import { Conversion } from '../../transcoders/ffmpeg/conversion.ts';
import { Ffmpeg } from '../../transcoders/ffmpeg/ffmpeg.ts';
import { TestCore } from '../support/test-core.ts';
import {
  decodeSound,
  encodeUnits,
  measureFrequency,
  measureLevel,
  type Sound,
  shifted,
} from '../support/tone-source.ts';

/** One second of silence, then a tone: where it begins shows the offset. */
const tone = (rate: number, channels: number, more = ''): string[] => [
  ...['-f', 'lavfi', '-i', `sine=frequency=1000:sample_rate=${rate}`, '-t', '4'],
  ...['-af', `volume=0:enable='lt(t,1)',pan=${channels === 2 ? 'stereo|c0=c0|c1=c0' : 'mono|c0=c0'}${more}`],
];
/** A tone coded by bcg729, and what its own decoder made of it. */
const g729 = JSON.parse(readFileSync(new URL('../vectors/g729/tone.json', import.meta.url), 'utf8')) as {
  readonly frames: string;
  readonly frequency: number;
  readonly decibels: number;
  readonly beginsAt: number;
};
const framed = ',asetnsamples=160:p=0';

const sources: readonly { name: AudioCodecName; args: readonly string[] }[] = [
  { name: 'aac', args: [...tone(48_000, 2), '-c:a', 'aac'] },
  { name: 'aac', args: [...tone(44_100, 1), '-c:a', 'aac'] },
  { name: 'opus', args: [...tone(48_000, 2), '-c:a', 'libopus'] },
  { name: 'mp3', args: [...tone(44_100, 2), '-c:a', 'libmp3lame'] },
  { name: 'pcmu', args: [...tone(8_000, 1, framed), '-c:a', 'pcm_mulaw'] },
  { name: 'pcma', args: [...tone(8_000, 1, framed), '-c:a', 'pcm_alaw'] },
  { name: 'g722', args: [...tone(16_000, 1), '-c:a', 'g722'] },
  { name: 'flac', args: [...tone(44_100, 2), '-c:a', 'flac'] },
  { name: 'speex', args: [...tone(16_000, 1), '-c:a', 'libspeex'] },
];

describe('Audio through ffmpeg', function () {
  this.timeout(15_000);
  let core: TestCore;
  let ffmpeg: Ffmpeg;

  beforeEach(() => {
    core = new TestCore({ streams: { renditions: { linger: '0' } } });
    ffmpeg = new Ffmpeg(
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

  const known = new Map<string, { units: readonly AccessUnit[]; sound: Sound }>();

  /** Each source once for all targets: its units, and what they sound like. */
  async function encoded({ name, args }: (typeof sources)[number]) {
    const key = args.join(' ');
    const found = known.get(key);
    if (found !== undefined) return found;
    const units = encodeUnits(name, args);
    const made = { units, sound: await decodeSound(units) };
    known.set(key, made);
    return made;
  }

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
    const end = (units.at(-1)?.pts ?? 0) - 400_000;
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
      const change = toneOf(await decodeSound(made)).level - toneOf(await decodeSound(units)).level;
      assert.ok(Math.abs(change) < 1, `${from} to ${to}: ${change} dB`);
      await core.streams.find('one')?.publication?.scope.close({ code: 'done' });
    }
  });

  it('stays with a source whose clock drifts and whose times are whole milliseconds, for ten minutes', async function () {
    this.timeout(60_000);
    // A beep at each whole second; the publisher's clock is 200 parts in a million slow.
    const beeps = "aevalsrc='if(lt(mod(t,1),0.1),0.25*sin(2*PI*1000*t),0)':s=44100:d=600";
    const drift = 1.0002;
    // FFmpeg's AAC begins with a frame of run-up, which this source counts.
    const runUp = (1_024 / 44_100) * 1e6;
    const units = encodeUnits('aac', ['-f', 'lavfi', '-i', beeps, '-c:a', 'aac', '-aac_coder', 'fast']).map((unit) =>
      at(unit, Math.round((unit.pts * drift) / 1_000) * 1_000),
    );
    const made: AccessUnit[] = [];
    const conversion = new Conversion(planAudio(units[0]?.codec as AudioCodec, { codec: 'opus', channels: 1 }), {
      ffmpeg,
      scope: core.scope,
      onUnit: (unit) => made.push(unit),
      onEnd: () => undefined,
    });
    for (const unit of units) {
      conversion.write(unit, 0);
      if (!conversion.keepsUp) await conversion.ready();
    }
    await conversion.finish();
    const { samples, startsAt } = await decodeSound(made);
    const offsets: number[] = [];
    for (let second = 1; second < 600; second += 1) {
      const expected = (second * 1e6 + runUp) * drift;
      const from = Math.round(((expected - 300_000 - startsAt) * 48_000) / 1e6);
      const found = samples.subarray(from, from + 28_800).findIndex((sample) => Math.abs(sample) > 0.1);
      assert.ok(found >= 0, `no beep at ${second} s`);
      offsets.push(((from + found) / 48_000) * 1e6 + startsAt - expected);
    }
    assert.ok(
      offsets.every((offset) => Math.abs(offset) < 20_000),
      `at most ${Math.max(...offsets.map(Math.abs))} µs`,
    );
  });

  it('decodes G.729: frames that were lost from the start are silence', async () => {
    // A frame of zeros counts as lost (FFmpeg); with nothing before it, there is nothing to be heard.
    const codec = pcmCodec('g729', { sampleRate: 8_000, channels: 1 });
    const units = Array.from({ length: 150 }, (_, index) => {
      const at = (index * 20_000) as AccessUnit['pts'];
      return new AccessUnit({ codec, pts: at, dts: at, keyframe: true, parts: [Buffer.alloc(20)] });
    });
    const made = await transcode(units, { codec: 'pcmu' });
    assert.ok(made.length > 90, `${made.length}`);
    // 0xff and 0x7f are the two zeros of the µ-law (G.711 table 2a).
    assert.ok(made.every(({ parts }) => parts.every((part) => part.every((code) => (code & 0x7f) === 0x7f))));
    assert.deepEqual(
      made.map(({ pts }) => pts - (made[0]?.pts ?? 0)),
      made.map((_, index) => index * 20_000),
    );
  });

  it('decodes G.729 as another decoder does: pitch, level and beginning of a tone', async () => {
    const codec = pcmCodec('g729');
    const units = Array.from({ length: g729.frames.length / 40 }, (_, index) => {
      const at = (index * 20_000) as AccessUnit['pts'];
      const parts = [Buffer.from(g729.frames.slice(index * 40, index * 40 + 40), 'hex')];
      return new AccessUnit({ codec, pts: at, dts: at, keyframe: true, parts });
    });
    for (const target of ['opus', 'aac'] as const) {
      const made = await transcode(units, { codec: target, channels: 1 });
      const { frequency, level, startsAt } = toneOf(await decodeSound(made));
      assert.ok(Math.abs(frequency - g729.frequency) < 1, `${target}: ${frequency} Hz`);
      assert.ok(Math.abs(level - g729.decibels) < 1, `${target}: ${level} dB, was ${g729.decibels}`);
      assert.ok(Math.abs(startsAt - g729.beginsAt * 1e6) < 20_000, `${target}: ${startsAt} µs`);
      await core.streams.find('one')?.publication?.scope.close({ code: 'done' });
    }
  });

  it('goes on after a pause of a minute, with the pause in its times', async () => {
    const units = encodeUnits('aac', [...tone(48_000, 2), '-c:a', 'aac']);
    const publication = await core.publish('one', { expects: ['audio'] });
    const track = publication.addTrack(units[0]?.codec as AudioCodec);
    const pending = core.subscribe('one', { wishes: [{ kind: 'audio', accepts: [{ codec: 'opus' }] }] });
    while (publication.stream.subscriptions.size === 0) await turn();
    for (const unit of units.slice(0, 100)) track.write(unit);
    const subscription = await pending;
    for (const unit of units.slice(100)) track.write(unit);
    const made: AccessUnit[] = [];
    for await (const { unit } of subscription) if (made.push(unit) > 20 && unit.pts > 3_900_000) break;
    for (const unit of units) track.write(at(unit, unit.pts + 64_000_000));
    for await (const { unit } of subscription) if (made.push(unit) > 20 && unit.pts > 66_000_000) break;
    const gaps = made.map((unit, index) => unit.pts - (made[index - 1]?.pts ?? unit.pts)).filter((gap) => gap > 30_000);
    assert.equal(gaps.length, 1);
    assert.ok(Math.abs((gaps[0] ?? 0) - 60_000_000) < 60_000, `${gaps[0]}`);
  });

  it('goes on when rate, channels and codec change in the middle', async () => {
    const parts = [
      encodeUnits('aac', [...tone(44_100, 1), '-c:a', 'aac']),
      encodeUnits('aac', [...tone(48_000, 2), '-c:a', 'aac']),
      encodeUnits('mp3', [...tone(44_100, 2), '-c:a', 'libmp3lame']),
      encodeUnits('pcma', [...tone(8_000, 1, framed), '-c:a', 'pcm_alaw']),
    ];
    const publication = await core.publish('one', { expects: ['audio'] });
    const track = publication.addTrack(parts[0]?.[0]?.codec as AudioCodec);
    const wishes = [{ kind: 'audio' as const, accepts: [{ codec: 'opus' as const, channels: 1 }] }];
    const pending = core.subscribe('one', { wishes });
    while (publication.stream.subscriptions.size === 0) await turn();
    const made: AccessUnit[] = [];
    for (const [index, part] of parts.entries()) {
      for (const unit of part) track.write(at(unit, unit.pts + index * 4_100_000));
      for await (const { unit } of await pending)
        if (made.push(unit) > 0 && unit.pts > index * 4_100_000 + 3_900_000) break;
    }
    assert.ok(made.every(({ codec }) => codec.name === 'opus'));
    for (const index of parts.keys()) {
      const begins = index * 4_100_000;
      const own = made.filter(({ pts }) => pts >= begins + 200_000 && pts < begins + 3_900_000);
      const { frequency, startsAt } = toneOf(await decodeSound(own));
      assert.ok(Math.abs(frequency - 1_000) < 1, `${index}: ${frequency} Hz`);
      const before = toneOf(await decodeSound((parts[index] ?? []).map((unit) => at(unit, unit.pts + begins))));
      assert.ok(Math.abs(startsAt - before.startsAt) < 20_000, `${index}: ${startsAt}, was ${before.startsAt}`);
    }
  });

  it('survives damaged bytes, and who takes the source as it is never notices', async () => {
    const units = encodeUnits('aac', [...tone(48_000, 2), '-c:a', 'aac']);
    const damaged = units.map((unit, index) => (index % 7 === 3 ? withNoise(unit) : unit));
    const publication = await core.publish('one', { expects: ['audio'] });
    const track = publication.addTrack(units[0]?.codec as AudioCodec);
    const plain = await core.subscribe('one', { wishes: [{ kind: 'audio', accepts: [{ codec: 'aac' }] }] });
    const pending = core.subscribe('one', { wishes: [{ kind: 'audio', accepts: [{ codec: 'opus' }] }] });
    while (publication.stream.subscriptions.size < 2) await turn();
    for (const unit of damaged.slice(0, 40)) track.write(unit);
    const subscription = await pending;
    for (const unit of damaged.slice(40)) track.write(unit);
    await publication.scope.close({ code: 'done' });
    const made: AccessUnit[] = [];
    for await (const { unit } of subscription) made.push(unit);
    assert.ok((made.at(-1)?.pts ?? 0) > 3_700_000, `${made.length} units to ${made.at(-1)?.pts} µs`);
    const passed: AccessUnit[] = [];
    for await (const { unit } of plain) passed.push(unit);
    assert.deepEqual(passed, damaged);
  });

  for (const target of ['opus', 'aac', 'pcmu', 'pcma', 'g722', 'speex', 'mp3'] as const) {
    for (const source of sources) {
      if (source.name === target && target !== 'aac') continue;
      it(`${source.name} to ${target}`, async () => {
        const { units, sound } = await encoded(source);
        const made = await transcode(units, { codec: target, channels: 1 });
        assert.ok(made.every((unit) => unit.codec.name === target));
        const [was, is] = [toneOf(sound), toneOf(await decodeSound(made))];
        assert.ok(Math.abs(is.frequency - 1_000) < 1, `${is.frequency} Hz`);
        assert.ok(Math.abs(is.level - was.level) < 1, `${is.level} dB, was ${was.level}`);
        assert.ok(Math.abs(is.startsAt - was.startsAt) < 20_000, `${is.startsAt} µs, was ${was.startsAt}`);
      });
    }
  }
});

function at(unit: AccessUnit, pts: number): AccessUnit {
  return shifted(unit, pts - unit.pts);
}

function withNoise(unit: AccessUnit): AccessUnit {
  const parts = unit.parts.map((part) =>
    Buffer.from(part.map((byte, index) => (index % 3 === 1 ? byte ^ 0xa5 : byte))),
  );
  const { codec, pts, dts, keyframe } = unit;
  return new AccessUnit({ codec, pts, dts, keyframe, parts });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Where the tone begins, and its pitch and level a while later. */
function toneOf({ samples, startsAt }: Sound) {
  const first = samples.findIndex((sample) => Math.abs(sample) > 0.04);
  const body = samples.subarray(first + 24_000, first + 24_000 + 72_000);
  return {
    startsAt: startsAt + (first / 48_000) * 1e6,
    frequency: measureFrequency(body),
    level: measureLevel(body),
  };
}
