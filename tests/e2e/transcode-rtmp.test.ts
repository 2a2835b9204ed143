import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { noCredentials } from '../../core/access/access-control.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { accepting, anyCodec, type CodecTarget } from '../../core/media/codec-target.ts';
import type { AudioCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { writeOpusHead } from '../../wire/codec-records/opus-record.ts';
import { audioFrameHeader, readVideoTag, writeAudioConfig } from '../../wire/flv/tag.ts';
import { RtmpTestClient } from '../support/rtmp-client.ts';
import { sideBySide } from '../support/side-by-side.ts';
import { decodeSound, encodeUnits, measureFrequency, measureLevel } from '../support/tone-source.ts';

/** A second of silence, in which viewers come: Speex, begun in the middle of a pure tone, never finds it. Then a tone. */
const tone = (rate: number, channels: number): string[] => [
  ...['-f', 'lavfi', '-i', `sine=frequency=1000:sample_rate=${rate}`, '-t', '4', '-ac', String(channels)],
  ...['-af', "volume=0:enable='lt(t,1)'"],
];

/** What ffmpeg publishes in FLV as it always was. */
const classic: readonly { name: AudioCodecName; args: readonly string[] }[] = [
  { name: 'aac', args: [...tone(48_000, 2), '-c:a', 'aac'] },
  { name: 'mp3', args: [...tone(44_100, 2), '-c:a', 'libmp3lame'] },
  { name: 'speex', args: [...tone(16_000, 1), '-c:a', 'libspeex'] },
  { name: 'pcma', args: [...tone(8_000, 1), '-c:a', 'pcm_alaw'] },
  { name: 'pcmu', args: [...tone(8_000, 1), '-c:a', 'pcm_mulaw'] },
];

describe('Transcoding what RTMP publishes', function () {
  this.timeout(30_000);
  let server: Server;
  let port = 0;
  const itBeside = sideBySide();

  before(async () => {
    server = createServer({
      modules: [rtmpModule, ...transcoders] as Parameters<typeof createServer>[0]['modules'],
      log: silentLog,
      config: {
        server: { drain: '1s' },
        rtmp: { listen: { host: '127.0.0.1', port: 0 } },
        streams: { renditions: { linger: '0', cores: 8 } },
      },
    });
    await server.start();
    const url = server.urls().find((one) => one.url.startsWith('rtmp://'))?.url ?? '';
    port = Number(new URL(url.replace('HOST', '127.0.0.1')).port);
  });

  after(async () => {
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  /** All that a viewer gets until the stream ends. */
  async function watch(name: string, accepts: readonly CodecTarget[]): Promise<AccessUnit[]> {
    const { sessions, streams, scope } = server.core;
    const session = sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: scope });
    const wishes = [{ kind: accepts[0]?.codec === 'h264' ? ('video' as const) : ('audio' as const), accepts }];
    const subscription = await streams.subscribe({ name, session, credentials: noCredentials, wishes });
    const units: AccessUnit[] = [];
    for await (const { unit } of subscription) units.push(unit);
    await session.scope.close({ code: 'done' });
    return units;
  }

  async function live(name: string): Promise<void> {
    for (let turn = 0; server.core.streams.find(name) === undefined; turn += 1) {
      assert.ok(turn < 1_000, `${name} is not published`);
      await pause(5);
    }
  }

  function publish(name: string, args: readonly string[]): ChildProcess {
    const target = `rtmp://127.0.0.1:${port}/live/${name}`;
    return spawn('ffmpeg', ['-nostdin', '-v', 'error', '-re', ...args, '-f', 'flv', target], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** The tone is as it was published for those who take one codec only. */
  async function compare(name: string, source: AudioCodecName): Promise<void> {
    await live(name);
    const [published, opus, aac] = await Promise.all([
      watch(name, anyCodec('audio')),
      watch(name, accepting('opus')),
      watch(name, accepting('aac')),
    ]);
    assert.ok(published.every((unit) => unit.codec.name === source));
    const before = await measure(published);
    for (const [target, units] of [
      ['opus', opus],
      ['aac', aac],
    ] as const) {
      assert.ok(units.length > 50 && units.every((unit) => unit.codec.name === target), `${target}: ${units.length}`);
      const after = await measure(units);
      assert.ok(Math.abs(after.frequency - 1_000) < 1, `${target}: ${after.frequency} Hz`);
      assert.ok(Math.abs(after.level - before.level) < 1, `${target}: ${after.level} dB, was ${before.level}`);
    }
  }

  for (const { name, args } of classic) {
    itBeside(`${name} in FLV plays where Opus or AAC alone is taken`, async () => {
      const publisher = publish(`flv-${name}`, args);
      const ended = once(publisher, 'exit');
      await compare(`flv-${name}`, name);
      assert.deepEqual(await ended, [0, null]);
    });
  }

  itBeside('Opus in Enhanced RTMP plays where Opus or AAC alone is taken', async () => {
    const units = encodeUnits('opus', [...tone(48_000, 2), '-c:a', 'libopus', '-ac', '2']);
    const client = await RtmpTestClient.connect({ port });
    const id = await client.publish('enhanced-opus');
    const plain = { channels: 2, preSkip: 312, inputSampleRate: 48_000, outputGain: 0, mappingFamily: 0 };
    client.sendMedia('audio', id, 0, writeAudioConfig('opus', writeOpusHead(plain)));
    const header = audioFrameHeader('opus', { sampleRate: 48_000, channels: 2, sampleSize: 16 });
    const compared = compare('enhanced-opus', 'opus');
    const began = performance.now();
    for (const unit of units) {
      const at = Math.round(unit.pts / 1_000);
      while (performance.now() - began < at) await pause(2);
      client.sendMedia('audio', id, at, Buffer.concat([header, ...unit.parts]));
    }
    client.command(0, 'deleteStream', id);
    await compared;
    client.destroy();
  });

  itBeside('Sorenson H.263 goes to RTMP players as it is, and to others as H.264', async () => {
    const args = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-t', '3', '-c:v', 'flv', '-g', '25'];
    const publisher = publish('flash', [...args, '-b:v', '600k']);
    const ended = once(publisher, 'exit');
    await live('flash');
    const player = await RtmpTestClient.connect({ port });
    const [made] = await Promise.all([watch('flash', accepting('h264')), player.play('flash')]);
    assert.deepEqual(await ended, [0, null]);
    const codec = made[0]?.codec;
    assert.ok(codec?.kind === 'video' && codec.name === 'h264');
    assert.deepEqual([codec.width, codec.height], [320, 180]);
    assert.ok(made.length >= 70, `${made.length}`);
    assert.ok(made.every((unit, index) => unit.pts - (made[index - 1]?.pts ?? unit.pts) < 45_000));
    const played = player.media('video').map(({ payload }) => readVideoTag(payload));
    assert.ok(played.length >= 50, `${played.length}`);
    assert.ok(played.every((tag) => tag.kind === 'frame' && tag.codec === 'sorenson-h263'));
    assert.ok(played[0]?.kind === 'frame' && played[0].keyframe);
    player.destroy();
  });
});

/** Pitch and level of two seconds from within the tone. */
async function measure(units: readonly AccessUnit[]): Promise<{ frequency: number; level: number }> {
  const { samples, startsAt } = await decodeSound(units);
  const from = Math.round((1.6 - startsAt / 1e6) * 48_000);
  const body = samples.subarray(from, from + 2 * 48_000);
  assert.ok(from > 0 && body.length === 2 * 48_000, `${body.length / 48_000} s from ${startsAt} µs on`);
  return { frequency: measureFrequency(body), level: measureLevel(body) };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
