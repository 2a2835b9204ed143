import assert from 'node:assert/strict';
import { ServerControl } from '../../../../core/modules/server-control.ts';
import { ServiceRegistry } from '../../../../core/modules/service-registry.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { micros, seconds } from '../../../../core/time/micros.ts';
import { describeMetrics, describeStream } from '../../../../modules/http/rest/stream-object.ts';
import { formatText, selectGroups } from '../../../../modules/http/statistics/format.ts';
import { StatisticsReader } from '../../../../modules/http/statistics/statistics.ts';
import { MediaSessions, RateMeter } from '../../../../modules/http/streams.ts';
import { audioFrame, fakeAac, fakeH264, videoFrame } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

/** As the console of WCS reads it: a header's first word in lower case, then `key=value`. */
function parseAsConsole(text: string): Record<string, Record<string, string>> {
  const sections: Record<string, Record<string, string>> = {};
  let current: Record<string, string> | undefined;
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('-')) {
      current = {};
      sections[/[a-zA-Z]+/.exec(line)?.[0].toLowerCase() ?? ''] = current;
    } else {
      assert.ok(current, 'the first line is a header');
      const [key = '', value = ''] = line.split('=');
      current[key] = value;
    }
  }
  return sections;
}

describe('statistics and stream objects', () => {
  let core: TestCore;
  let clock: ManualClock;
  let media: MediaSessions;
  let reader: StatisticsReader;

  beforeEach(async () => {
    clock = new ManualClock();
    core = new TestCore({ clock });
    media = new MediaSessions(core.streams);
    const services = new ServiceRegistry().viewFor(core.scope);
    reader = new StatisticsReader({ ...core, ...parts(core), services }, media);
  });
  afterEach(() => core.close());

  /** 10 s of 30 frames a second of 1000 bytes, a keyframe a second, audio of 50 frames of 40 bytes. */
  const publish = async (name: string) => {
    const publication = await core.publish(name, { session: core.openSession('rtmp') });
    const codec = fakeH264();
    const video = publication.addTrack(codec);
    const audioCodec = fakeAac();
    const audio = publication.addTrack(audioCodec);
    for (let index = 0; index < 300; index += 1) video.write(videoFrame(codec, index, { size: 1_000 }));
    for (let index = 0; index < 500; index += 1) audio.write(audioFrame(audioCodec, index));
    return publication;
  };

  it('names every key that consoles read as a number, with real values', async () => {
    await publish('cam=1;x'.replace(';', '+'));
    await core.subscribe('cam=1+x', { session: core.openSession('hls') });
    const sections = parseAsConsole(formatText(reader.read()));
    const numbers: Record<string, string[]> = {
      connection: ['connections', 'connections_websocket', 'connections_rtmfp', 'connections_hls'],
      port: ['ports_media_free', 'ports_media_busy', 'ports_wcs_agents_quarantine', 'ports_rest_api_pending'],
      stream: ['rtmp', 'rtmfp', 'rtsp', 'webrtc'].flatMap((kind) => [`streams_${kind}_in`, `streams_${kind}_out`]),
      system: ['system_memory_total', 'system_memory_free', 'system_java_cpu_usage'],
      core: ['core_threads', 'core_java_threads'],
      call: ['call'],
      recording: ['recording'],
      degraded: ['degraded_streams_percent'],
    };
    for (const [section, keys] of Object.entries(numbers)) {
      for (const key of keys)
        assert.ok(Number.isFinite(Number.parseInt(sections[section]?.[key] ?? '', 10)), `${section}.${key}`);
    }
    assert.equal(sections['connection']?.['connections'], '2');
    assert.equal(sections['connection']?.['connections_hls'], '1');
    assert.equal(sections['stream']?.['streams_rtmp_in'], '1');
    assert.equal(sections['stream']?.['streams_hls'], '1');
    assert.equal(sections['stream']?.['streams_viewers'], 'cam%3D1+x/1');
    // Video ends at 299 × 33 ms, audio at 499 × 20 ms.
    assert.equal(sections['stream']?.['streams_synchronization'], `cam%3D1+x/${299 * 33 - 499 * 20}`);
    assert.ok(Number(sections['core']?.['core_threads']) > 1);
  });

  it('counts streams by what carries them, whoever signals', async () => {
    await core.publish('cam', { session: core.openSession('websocket'), carrier: 'webrtc' });
    await core.publish('door', { session: core.openSession('whip'), carrier: 'webrtc' });
    await core.publish('yard', { session: core.openSession('rtsp-pull') });
    const { stream } = await publish('room');
    const view = (protocol: string, carrier?: string) =>
      core.subscribe('room', { session: core.openSession(protocol), ...(carrier === undefined ? {} : { carrier }) });
    await view('websocket', 'webrtc');
    const leaving = await view('whep', 'webrtc');
    await view('websocket');
    await view('rtmp-push');
    // One that packages for three viewers, of whom each has a session.
    const muxer = core.sessions.open({ protocol: 'hls-muxer', remoteAddress: '', parent: core.scope });
    for (let variant = 0; variant < 2; variant += 1) await core.subscribe('room', { session: muxer });
    for (let viewer = 0; viewer < 3; viewer += 1) core.openSession('hls');
    const told = reader.read();
    const figures = Object.entries(told.get('streams_stats') ?? {}).filter(([, value]) => Number(value) > 0);
    assert.deepEqual(Object.fromEntries(figures), {
      ...{ streams: 4, streams_webrtc_in: 2, streams_rtsp_in: 1, streams_rtmp_in: 1 },
      ...{ streams_webrtc_out: 2, streams_websocket_out: 1, streams_rtmp_out: 1, streams_hls_out: 3, streams_hls: 1 },
    });
    const connections = told.get('connections_stats');
    assert.deepEqual(
      ['', '_webrtc', '_websocket', '_rtmp', '_hls'].map((kind) => connections?.[`connections${kind}`]),
      [11, 2, 3, 2, 3],
    );
    const providers = [...media.all()]
      .filter((session) => session.stream === stream)
      .map((session) => describeStream(session, new RateMeter(), 'node').mediaProvider);
    assert.deepEqual(providers.slice(0, 4), ['Flash', 'WebRTC', 'WebRTC', 'MSE']);
    await leaving.scope.close({ code: 'peer-left' });
    assert.equal(reader.read().get('streams_stats')?.['streams_webrtc_out'], 1);
  });

  it('tells the ports that the media plane has open, and no layer as a rendition', async () => {
    const { stream } = await publish('cam');
    for (const id of ['video.q', 'video~h264 width=320']) stream.openTrack(id, fakeH264());
    const services = new ServiceRegistry().viewFor(core.scope);
    const detail = { ports: { busy: 4, free: 996, quarantine: 0 } };
    services.provide(ServerControl, {
      urls: () => [],
      stop: () => Promise.resolve(),
      inspect: () => ({
        ...{ uptimeSeconds: 1, openScopes: 1, sessions: 0, streams: 1, disabled: [] },
        modules: [{ module: 'rtp', state: 'running', detail }],
      }),
    });
    const read = new StatisticsReader({ ...core, ...parts(core), services }, media);
    const ports = read.read().get('port_stats');
    assert.deepEqual(
      ['free', 'busy', 'quarantine'].map((what) => ports?.[`ports_media_${what}`]),
      [996, 4, 0],
    );
    const told = JSON.stringify(read.readTranscoding());
    assert.ok(told.includes('video~h264') && !told.includes('video.q'), told);
  });

  it('counts a stream whose publisher is away as degraded', async () => {
    const publication = await publish('a');
    await publish('b');
    await publication.scope.close({ code: 'peer-left' });
    assert.equal(reader.read().get('degraded_stats')?.['degraded_streams_percent'], 50);
  });

  it('selects groups by either of their names', () => {
    const names = (groups: string) => [...selectGroups(reader.read(), groups).keys()];
    assert.deepEqual(names('connections_stats,core_stats'), ['connections_stats', 'core_stats']);
    assert.deepEqual(names('connection_stats'), ['connections_stats']);
    assert.equal(names('').length, 8);
  });

  it('shows publisher and viewer with measured rates and ids that stay', async () => {
    await publish('cam');
    await core.subscribe('cam', { session: core.openSession('hls') });
    const rates = new RateMeter();
    const [publisher, viewer] = [...media.all()].map((session) => describeStream(session, rates, 'node@host'));
    assert.equal(publisher?.mediaType, 'publish');
    assert.equal(publisher.status, 'PUBLISHING');
    assert.equal(publisher.width, 1280);
    assert.equal(publisher.videoCodec, 'H264');
    assert.equal(publisher.audioCodec, 'mpeg4-generic');
    assert.equal(publisher.gop, 30);
    assert.equal(publisher.fps, 30);
    // 1000 bytes each 33 ms
    assert.ok(Math.abs(publisher.bitrate - 242) <= 2, `${publisher.bitrate} kbit/s`);
    assert.equal(viewer?.mediaType, 'play');
    assert.equal(viewer.status, 'PLAYING');
    assert.equal(viewer.mediaProvider, 'HLS');
    const again = [...media.all()].map(({ id }) => id);
    assert.deepEqual(again, [publisher.mediaSessionId, viewer.mediaSessionId]);
    const [first] = media.all();
    assert.ok(first);
    const figures = describeMetrics(first, rates);
    assert.equal(figures['VIDEO_K_FRAMES'], 10);
    assert.equal(figures['VIDEO_WIDTH'], 1280);
    assert.equal(figures['AUDIO_CODEC'], 'mpeg4-generic');
  });

  it('measures the latest two seconds, not the whole life', async () => {
    const publication = await publish('cam');
    const rates = new RateMeter();
    const track = publication.stream.findTrack('video');
    const before = rates.measure(track).bitrate;
    const codec = fakeH264();
    const video = publication.addTrack(codec);
    for (let index = 300; index < 400; index += 1) video.write(videoFrame(codec, index, { size: 2_000 }));
    const after = rates.measure(track).bitrate;
    assert.ok(after > before * 1.9 && after < before * 2.1, `${before} then ${after}`);
  });

  it('never divides by a span of nothing', () => {
    assert.deepEqual(new RateMeter().measure(undefined), { bitrate: 0, unitRate: 0, group: 0 });
    clock.advance(seconds(1));
    assert.ok(Number.isFinite(reader.read().get('system_stats')?.['system_java_cpu_usage']));
    clock.stepWall(micros(-1));
  });
});

/** What a class instance keeps behind accessors or as fields, spread by name. */
function parts(core: TestCore) {
  const { clock, scope, events, observe, access, sessions, streams } = core;
  return { clock, scope, events, observe, access, sessions, streams };
}
