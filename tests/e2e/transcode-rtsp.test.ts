import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { noCredentials } from '../../core/access/access-control.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { accepting, anyCodec, type CodecTarget } from '../../core/media/codec-target.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { hlsModule } from '../../modules/hls/index.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';
import { transcoders } from '../../transcoders/index.ts';
import { rtpHeaderLength, writeRtpHeader } from '../../wire/rtp/packet.ts';
import { eventually } from '../conformance/suite.ts';
import { readFrameTable } from '../support/frame-table.ts';
import { run } from '../support/media-source.ts';
import { RtspTestClient } from '../support/rtsp-client.ts';
import { sideBySide } from '../support/side-by-side.ts';
import { decodeSound, measureFrequency, measureLevel } from '../support/tone-source.ts';

/** bcg729's coding of a tone and what its own decoder made of it (tests/vectors/g729). */
const g729 = JSON.parse(readFileSync(new URL('../vectors/g729/tone.json', import.meta.url), 'utf8')) as {
  readonly frames: string;
  readonly frequency: number;
  readonly decibels: number;
};

describe('Transcoding what RTSP publishes', function () {
  this.timeout(60_000);
  let server: Server;
  let rtsp: URL;
  let rtmp: URL;
  let hls: URL;
  const children: ChildProcess[] = [];
  const itBeside = sideBySide();

  before(async () => {
    const listen = { host: '127.0.0.1', port: 0 };
    const off = { enabled: false };
    server = createServer({
      modules: [rtpModule, rtspModule, rtmpModule, hlsModule, ...transcoders] as Parameters<
        typeof createServer
      >[0]['modules'],
      log: silentLog,
      config: {
        server: { drain: '1s' },
        rtsp: { listen },
        rtmp: { listen },
        hls: { listen, secure: off, segment: '1s' },
        streams: { reconnectGrace: '1s', drain: '1s', renditions: { linger: '0', cores: 8 } },
      },
    });
    await server.start();
    const url = (start: string): URL =>
      new URL((server.urls().find((one) => one.url.startsWith(start))?.url ?? '').replace('HOST', '127.0.0.1'));
    [rtsp, rtmp, hls] = [url('rtsp://'), url('rtmp://'), url('http://')];
  });

  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  function at(base: URL, name: string): string {
    return base.href.replaceAll('NAME', name);
  }

  function publish(name: string, args: readonly string[]): void {
    const target = ['-f', 'rtsp', '-rtsp_transport', 'tcp', at(rtsp, name)];
    const child = spawn('ffmpeg', ['-nostdin', '-v', 'error', '-re', ...args, ...target], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.push(child);
  }

  async function live(name: string): Promise<void> {
    await eventually(name, () => server.core.streams.find(name)?.settling.settled === true, 20);
  }

  /** All that a viewer gets until the stream ends, or as much as was asked for. */
  async function watch(name: string, accepts: readonly CodecTarget[], most = Infinity): Promise<AccessUnit[]> {
    const { sessions, streams, scope } = server.core;
    const session = sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: scope });
    const wishes = [{ kind: accepts[0]?.codec === 'h264' ? ('video' as const) : ('audio' as const), accepts }];
    const subscription = await streams.subscribe({ name, session, credentials: noCredentials, wishes });
    const units: AccessUnit[] = [];
    for await (const { unit } of subscription) if (units.push(unit) >= most) break;
    await session.scope.close({ code: 'done' });
    return units;
  }

  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];

  itBeside('MPEG-4 part 2 is H.264 for players over RTMP and HLS, and as it is for those over RTSP', async () => {
    publish('mpeg4', [...picture, '-t', '30', '-c:v', 'mpeg4', '-q:v', '4', '-g', '25']);
    await live('mpeg4');
    const [track] = server.core.streams.find('mpeg4')?.tracks ?? [];
    assert.deepEqual([track?.codec.name, track?.codec.kind === 'video' && track.codec.width], ['mpeg4', 320]);
    const entries = ['-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0'];
    const probe = async (url: string, ...more: string[]): Promise<string[]> => [
      ...new Set((await run('ffprobe', ['-v', 'error', ...more, ...entries, url])).toString().trim().split(/\s+/)),
    ];
    const overTcp = ['-rtsp_transport', 'tcp'];
    const [told] = await Promise.all([
      Promise.all([probe(at(rtmp, 'mpeg4')), probe(at(hls, 'mpeg4')), probe(at(rtsp, 'mpeg4'), ...overTcp)]),
      assertMoves(at(rtmp, 'mpeg4')),
      assertMoves(at(rtsp, 'mpeg4'), ...overTcp),
    ]);
    assert.deepEqual(told, [['h264,320,180'], ['h264,320,180'], ['mpeg4,320,180']]);
  });

  async function assertMoves(url: string, ...options: string[]): Promise<void> {
    const seen = await run('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-xerror', ...options, '-i', url, '-frames:v', '40'],
      ...['-f', 'framemd5', '-'],
    ]);
    const pictures = readFrameTable(seen).sums(0);
    assert.equal(pictures.length, 40);
    assert.equal(new Set(pictures).size, 40, 'the picture moves');
  }

  itBeside('MPEG-4 part 2 with B-frames keeps its times: each picture of the result is the source’s', async () => {
    publish('reordered', [...picture, '-t', '6', '-c:v', 'mpeg4', '-q:v', '4', '-g', '25', '-bf', '2']);
    await live('reordered');
    const made = await watch('reordered', [{ codec: 'h264', noBFrames: true }], 60);
    for (let index = 1; index < made.length; index += 1) {
      const step = (made[index]?.pts ?? 0) - (made[index - 1]?.pts ?? 0);
      assert.ok(Math.abs(step - 40_000) < 100, `a picture after ${step} µs`);
    }
  });

  /** A tone of 1000 Hz at `level` in every codec that one viewer alone takes. */
  async function check(units: readonly AccessUnit[], target: string, level: number): Promise<void> {
    assert.ok(units.length > 50 && units.every((unit) => unit.codec.name === target), `${target}: ${units.length}`);
    const { samples } = await decodeSound(units);
    const first = samples.findIndex((sample) => Math.abs(sample) > 0.04);
    const body = samples.subarray(first + 12_000, first + 12_000 + 60_000);
    const [frequency, decibels] = [measureFrequency(body), measureLevel(body)];
    assert.ok(Math.abs(frequency - 1_000) < 1, `${target}: ${frequency} Hz`);
    assert.ok(Math.abs(decibels - level) < 1, `${target}: ${decibels} dB, was ${level}`);
  }

  for (const codec of ['g722', 'pcm_alaw', 'pcm_mulaw', 'libopus', 'aac'] as const) {
    itBeside(`${codec} plays where Opus or AAC alone is taken`, async () => {
      const rate = codec === 'g722' ? 16_000 : codec.startsWith('pcm') ? 8_000 : 48_000;
      const sine = ['-f', 'lavfi', '-i', `sine=frequency=1000:sample_rate=${rate}`, '-t', '4'];
      publish(codec, [...sine, '-af', "volume=0:enable='lt(t,1)'", '-c:a', codec, '-ac', '1']);
      await live(codec);
      const [published, opus, aac] = await Promise.all([
        watch(codec, anyCodec('audio')),
        watch(
          codec,
          accepting('opus').map((target) => ({ ...target, channels: 1, bitrate: 64_000 })),
        ),
        watch(
          codec,
          accepting('aac').map((target) => ({ ...target, channels: 1, bitrate: 64_000 })),
        ),
      ]);
      const { samples } = await decodeSound(published);
      const first = samples.findIndex((sample) => Math.abs(sample) > 0.04);
      const level = measureLevel(samples.subarray(first + 12_000, first + 72_000));
      await check(opus, 'opus', level);
      await check(aac, 'aac', level);
    });
  }

  itBeside('G.729 with silence descriptors plays where Opus or AAC alone is taken', async () => {
    const client = await RtspTestClient.open(Number(rtsp.port));
    const url = at(rtsp, 'g729');
    const description = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'm=audio 0 RTP/AVP 18', 'a=control:0', ''];
    await client.must('ANNOUNCE', url, { 'Content-Type': 'application/sdp' }, description.join('\r\n'));
    await client.must('SETUP', `${url}/0`, { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1;mode=record' });
    await client.must('RECORD', url, { Range: 'npt=0-' });
    const speech = Buffer.from(g729.frames, 'hex');
    const send = (packet: number): void => {
      // 20 ms a packet, as telephones do; every tenth of the silence in front is a descriptor of annex B.
      const frames = speech.subarray(packet * 20, packet * 20 + 20);
      const payload = packet < 20 && packet % 10 === 9 ? Buffer.from([0x10, 0x20]) : frames;
      const bytes = Buffer.alloc(4 + rtpHeaderLength + payload.length);
      bytes.writeUInt32BE(0x2400_0000 | (rtpHeaderLength + payload.length));
      const header = { marker: false, payloadType: 18, sequence: packet, timestamp: packet * 160, ssrc: 7 };
      writeRtpHeader(bytes, 4, header);
      payload.copy(bytes, 4 + rtpHeaderLength);
      client.socket.write(bytes);
    };
    send(0);
    await live('g729');
    const watching = Promise.all([
      watch(
        'g729',
        accepting('opus').map((target) => ({ ...target, channels: 1 })),
      ),
      watch(
        'g729',
        accepting('aac').map((target) => ({ ...target, channels: 1 })),
      ),
    ]);
    await eventually('both viewers', () => server.core.streams.find('g729')?.subscriptions.size === 2);
    for (let packet = 1; packet < speech.length / 20; packet += 1) {
      send(packet);
      await new Promise<void>((resolve) => server.core.clock.after(20_000 as never, resolve));
    }
    await client.must('TEARDOWN', url);
    client.close();
    const [opus, aac] = await watching;
    await check(opus, 'opus', g729.decibels);
    await check(aac, 'aac', g729.decibels);
    assert.ok(Math.abs(g729.frequency - 1_000) < 1);
  });

  it('ends its renditions with their sources', async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await eventually('the end of the renditions', () => [...server.core.streams.renditions.all()].length === 0, 20);
  });
});
