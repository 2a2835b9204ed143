import assert from 'node:assert/strict';
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
