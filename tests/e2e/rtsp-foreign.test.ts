import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splitAnnexB } from '../../wire/codec-records/nal.ts';
import { eventually } from '../conformance/suite.ts';
import { assertRun } from '../support/assert-run.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { splitAdtsFrames } from '../support/hls-compare.ts';
import { type KnownClip, makeKnownClip, Recorder, readPlanes, sumOfParts } from '../support/rtsp-clip.ts';
import { RtspTestServer } from '../support/rtsp-server.ts';
import { sideBySide } from '../support/side-by-side.ts';

/** A group of 25 pictures, the sound of a second, and some that a player may miss where it joins. */
const least = { video: 75, audio: 140 };

/** One test: a stream of its own, and programs that end with it. */
class Passage {
  readonly name: string;
  readonly running: RtspTestServer;
  readonly #programs: ForeignProgram[] = [];

  constructor(name: string, running: RtspTestServer) {
    this.name = name;
    this.running = running;
  }

  get plain(): string {
    return this.running.url('rtsp', this.name);
  }

  get secure(): string {
    return this.running.url('rtsps', this.name);
  }

  start(name: string, argv: readonly string[], environment: Record<string, string> = {}): ForeignProgram {
    const program = new ForeignProgram(name, argv, environment);
    this.#programs.push(program);
    return program;
  }

  async end(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill()));
    const { streams } = this.running.server.core;
    await eventually('the end of the stream', () => streams.find(this.name) === undefined);
  }
}

function startServer(): Promise<RtspTestServer> {
  const secure = { host: '127.0.0.1', port: 0, enabled: true };
  // The GStreamer that is interrupted may hang up without a TEARDOWN.
  return RtspTestServer.start({ secure }, { streams: { reconnectGrace: '200ms' } });
}

describe('RTSP with GStreamer, mpv and ffplay', function () {
  this.timeout(60_000);
  let running: RtspTestServer;
  let folder: string;
  let clip: KnownClip;
  let brief: KnownClip;
  let passages = 0;
  const itBeside = sideBySide();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-rtsp-foreign-'));
    [clip, brief] = await Promise.all([makeKnownClip(folder), makeKnownClip(folder, { seconds: 3 })]);
    assert.deepEqual([clip.pictures.length, clip.coded.video.length, brief.coded.video.length], [125, 125, 75]);
    running = await startServer();
  });

  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await running.stop();
  });

  async function pass(server: RtspTestServer, run: (passage: Passage) => Promise<void>): Promise<void> {
    passages += 1;
    const passage = new Passage(`clip-${passages}`, server);
    try {
      await run(passage);
    } finally {
      await passage.end();
    }
  }

  const itPassesBeside = (title: string, run: (passage: Passage) => Promise<void>): void =>
    itBeside(title, () => pass(running, run));

  /** With a server of its own, which nobody else keeps busy. */
  const itPassesAlone = (title: string, run: (passage: Passage) => Promise<void>): void =>
    void it(title, async () => {
      const server = await startServer();
      try {
        await pass(server, run);
      } finally {
        await server.stop();
      }
    });

  const ffmpegTo = (passage: Passage, url: string, ...options: string[]): ForeignProgram =>
    passage.start('ffmpeg', ['-nostdin', '-re', '-i', clip.file, '-c', 'copy', '-f', 'rtsp', ...options, url]);

  /** GStreamer with the clip's picture and sound at `name.sink_0` and `name.sink_1`. */
  const gstreamerTo = (passage: Passage, url: string, ...options: string[]): ForeignProgram =>
    passage.start('gst-launch-1.0', [
      ...['-q', 'filesrc', `location=${brief.file}`, '!', 'qtdemux', 'name=file'],
      ...['file.video_0', '!', 'queue', '!', 'h264parse', '!', 'sink.sink_0'],
      ...['file.audio_0', '!', 'queue', '!', 'aacparse', '!', 'sink.sink_1'],
      ...['rtspclientsink', 'name=sink', `location=${url}`, ...options],
    ]);

  const published = ({ name, running }: Passage): Promise<void> =>
    eventually('the stream', () => running.isReady(name));

  describe('rtspclientsink publishes', () => {
    /** It is interrupted when all is here, since it may not end by itself; it then leaves by PAUSE, which must be taken. */
    async function assertAllComes(passage: Passage, url: string, ...options: string[]): Promise<void> {
      const publisher = gstreamerTo(passage, url, ...options);
      const recorder = await Recorder.start(passage.running.server, passage.name);
      // Who joins gets no sound from before the first picture, which B-frames put at 80 ms: four frames. GStreamer keeps the very last.
      const sounds = brief.coded.audio.length - 5;
      const isAll = (): boolean =>
        recorder.count('video') >= brief.coded.video.length && recorder.count('audio') >= sounds;
      await eventually('all pictures and sounds', isAll);
      await publisher.interrupt();
      await recorder.ended;
      assert.doesNotMatch(publisher.said, /ERROR|WARN/);
      const { video, audio } = recorder.sums;
      assert.deepEqual(video, brief.coded.video);
      assertRun(audio, brief.coded.audio, sounds, 'sounds');
    }

    itPassesAlone('over TCP', (passage) => assertAllComes(passage, passage.plain, 'protocols=tcp'));

    itPassesAlone('over UDP', (passage) => assertAllComes(passage, passage.plain, 'protocols=udp'));

    itPassesAlone('over TLS', (passage) =>
      assertAllComes(passage, passage.secure, 'protocols=tcp', 'tls-validation-flags=0'),
    );
  });

  describe('rtspsrc plays', () => {
    async function assertPlays(passage: Passage, url: string, ...options: string[]): Promise<void> {
      const publisher = ffmpegTo(passage, passage.plain, '-rtsp_transport', 'tcp');
      await published(passage);
      const file = (ending: string): string => join(folder, `${passage.name}.${ending}`);
      const files = { video: file('h264'), audio: file('adts') };
      const player = passage.start('gst-launch-1.0', [
        ...['-q', 'rtspsrc', 'name=source', 'latency=100', `location=${url}`, ...options],
        // Without caps between: gst-launch would link through a filter, which the other track's thread may find in its way.
        ...['source.', '!', 'rtph264depay', '!', 'h264parse'],
        ...['!', 'video/x-h264,stream-format=byte-stream,alignment=au', '!', 'queue'],
        ...['!', 'filesink', 'buffer-mode=unbuffered', `location=${files.video}`],
        ...['source.', '!', 'rtpmp4gdepay', '!', 'aacparse'],
        ...[
          '!',
          'audio/mpeg,stream-format=adts',
          '!',
          'queue',
          '!',
          'filesink',
          'buffer-mode=unbuffered',
          `location=${files.audio}`,
        ],
      ]);
      await publisher.succeeds();
      const read = (): { video: string[]; audio: string[] } => {
        // x264 makes one slice a picture of this size; the last ones may not be written to their ends.
        const nals = splitAnnexB(readFileSync(files.video), 'test').slice(0, -1);
        const video = nals.filter((unit) => ((unit[0] ?? 0) & 31) <= 5).map((slice) => sumOfParts([slice]));
        const audio = splitAdtsFrames(readFileSync(files.audio)).map((frame) => sumOfParts([frame]));
        return { video, audio: audio.slice(0, -1) };
      };
      // It does not always end when the server hangs up.
      await eventually(
        'enough was played',
        () => read().video.length >= least.video && read().audio.length >= least.audio,
      );
      await player.interrupt();
      const { video, audio } = read();
      assertRun(video, clip.coded.video, least.video, `pictures; ${player.said.slice(-500)}`);
      assertRun(audio, clip.coded.audio, least.audio, `sounds; ${player.said.slice(-500)}`);
    }

    itPassesBeside('over TCP', (passage) => assertPlays(passage, passage.plain, 'protocols=tcp'));

    itPassesBeside('over UDP', (passage) => assertPlays(passage, passage.plain, 'protocols=udp'));

    itPassesBeside('over TLS', (passage) =>
      assertPlays(passage, passage.secure, 'protocols=tcp', 'tls-validation-flags=0'),
    );

    itPassesBeside('through an HTTP tunnel', (passage) =>
      assertPlays(passage, passage.plain.replace(/^rtsp:/, 'rtsph:')),
    );
  });

  describe('with a picture for everybody to see', () => {
    async function assertShows(passage: Passage, play: (passage: Passage) => ForeignProgram): Promise<void> {
      const publisher = ffmpegTo(passage, passage.plain, '-rtsp_transport', 'tcp');
      await published(passage);
      const player = play(passage);
      await publisher.succeeds();
      const shown = readPlanes(await player.succeeds());
      assertRun(shown, clip.pictures, least.video, 'pictures');
    }

    const mpv = (transport: string) => (passage: Passage) =>
      passage.start('mpv', [
        ...['--no-config', '--msg-level=all=v', '--vo=null', '--ao=null', '--framedrop=no'],
        ...[`--rtsp-transport=${transport}`, '--vf=lavfi=[showinfo]', passage.plain],
      ]);

    const ffplay = (transport: string) => (passage: Passage) =>
      passage.start(
        'ffplay',
        ['-hide_banner', '-noframedrop', '-autoexit', '-rtsp_transport', transport, '-vf', 'showinfo', passage.plain],
        { SDL_VIDEODRIVER: 'dummy', SDL_AUDIODRIVER: 'dummy' },
      );

    for (const transport of ['tcp', 'udp']) {
      itPassesBeside(`mpv plays over ${transport}`, (passage) => assertShows(passage, mpv(transport)));

      itPassesBeside(`ffplay plays over ${transport}`, (passage) => assertShows(passage, ffplay(transport)));
    }
  });

  describe('ffmpeg', () => {
    async function assertPlays(
      passage: Passage,
      publish: ForeignProgram,
      url: string,
      ...options: string[]
    ): Promise<void> {
      await published(passage);
      const player = passage.start('ffmpeg', [
        ...['-nostdin', ...options, '-i', url],
        ...['-map', '0:v', '-fps_mode', 'passthrough', '-vf', 'showinfo', '-f', 'null', '-'],
      ]);
      await publish.succeeds();
      assertRun(readPlanes(await player.succeeds()), clip.pictures, least.video, 'pictures');
    }

    itPassesBeside('publishes and plays over TLS', (passage) => {
      const publisher = ffmpegTo(passage, passage.secure, '-rtsp_transport', 'tcp');
      return assertPlays(passage, publisher, passage.secure, '-rtsp_transport', 'tcp');
    });

    itPassesBeside('plays through an HTTP tunnel', (passage) => {
      const publisher = ffmpegTo(passage, passage.plain, '-rtsp_transport', 'udp');
      return assertPlays(passage, publisher, passage.plain, '-rtsp_transport', 'http');
    });
  });
});
