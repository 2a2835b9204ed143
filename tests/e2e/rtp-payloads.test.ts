import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../conformance/suite.ts';
import { assertRun } from '../support/assert-run.ts';
import { ForeignProgram } from '../support/foreign-program.ts';
import { readFrameTable } from '../support/frame-table.ts';
import { run } from '../support/media-source.ts';
import { RtspTestServer } from '../support/rtsp-server.ts';
import { sideBySide } from '../support/side-by-side.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'];
const seconds = 4;
const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25'];
/** Noise: no two packets are the same. */
const sound = (rate: number): string[] => ['-f', 'lavfi', '-i', `anoisesrc=sample_rate=${rate}:seed=1:amplitude=0.2`];
const pictures = ['-g', '25', '-b:v', '1200k', '-deadline', 'realtime', '-cpu-used', '8', '-auto-alt-ref', '0'];

/** ffmpeg does not see which packets of VP9 are key frames. */
const asSums = ['-c', 'copy', '-copyinkf', '-f', 'framemd5'];

interface Row {
  readonly name: string;
  /** The argv that makes the clip. */
  readonly clip: readonly string[];
  /** Matroska when not told. */
  readonly container?: string;
  /** Kind of what is compared, and how many packets there are at least of it. */
  readonly sums?: Readonly<Record<'v' | 'a', number>>;
  /** Telephony has no frames of its own: its bytes are compared, in this format of ffmpeg. */
  readonly bytes?: string;
}

const rows: readonly Row[] = [
  {
    name: 'VP8 and Opus',
    clip: [...picture, ...sound(48_000), '-c:v', 'libvpx', ...pictures, '-c:a', 'libopus', '-ac', '2'],
    sums: { v: 60, a: 120 },
  },
  {
    name: 'VP9 and MP3',
    clip: [...picture, ...sound(44_100), '-c:v', 'libvpx-vp9', ...pictures, '-c:a', 'libmp3lame', '-b:a', '128k'],
    sums: { v: 60, a: 80 },
  },
  { name: 'MPEG audio layer II', clip: [...sound(48_000), '-c:a', 'mp2'], sums: { v: 0, a: 80 } },
  { name: 'Speex', container: 'ogg', clip: [...sound(16_000), '-c:a', 'libspeex'], sums: { v: 0, a: 80 } },
  { name: 'G.711 µ-law', clip: [...sound(8_000), '-c:a', 'pcm_mulaw'], bytes: 'mulaw' },
  { name: 'G.711 A-law', clip: [...sound(8_000), '-c:a', 'pcm_alaw'], bytes: 'alaw' },
  { name: 'G.722', clip: [...sound(16_000), '-c:a', 'g722'], bytes: 'g722' },
];

/** MD5 of each packet of one kind as it is coded, in their order. */
function readSums(told: string | Buffer, kind: 'video' | 'audio'): readonly string[] {
  const table = readFrameTable(told);
  return table.sums(table.find(kind));
}

describe('RTP payload formats with ffmpeg', function () {
  this.timeout(60_000);
  let running: RtspTestServer;
  let folder: string;
  let passages = 0;
  const programs: ForeignProgram[] = [];
  const itBeside = sideBySide();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-payloads-'));
    running = await RtspTestServer.start();
  });

  after(async () => {
    await Promise.all(programs.map((program) => program.kill()));
    rmSync(folder, { recursive: true, force: true });
    await running.stop();
  });

  function start(command: string, argv: readonly string[]): ForeignProgram {
    const program = new ForeignProgram(command, argv);
    programs.push(program);
    return program;
  }

  interface Passage {
    /** Of the stream, which no other test has. */
    readonly url: string;
    /** In a folder that no other test has. */
    readonly file: (name: string) => string;
  }

  /** Publishes, and plays from as soon as the stream is there to its end. */
  async function pass(
    publish: (to: Passage) => ForeignProgram,
    play: (from: Passage) => ForeignProgram,
    passage: Passage,
  ): Promise<void> {
    const name = passage.url.slice(passage.url.lastIndexOf('/') + 1);
    const published = publish(passage);
    await eventually('the stream', () => running.isReady(name));
    const played = play(passage);
    // GStreamer takes the end of a live stream for a mishap, and its code says so.
    for (const program of [published, played]) {
      const code = await program.ended;
      if (program.name === 'ffmpeg') assert.equal(code, 0, program.said);
    }
  }

  function newPassage(): Passage {
    passages += 1;
    const own = mkdtempSync(join(folder, 'passage-'));
    return { url: running.url('rtsp', `clip-${passages}`), file: (name) => join(own, name) };
  }

  const ffmpegTo =
    (clip: string, transport: string) =>
    ({ url, file }: Passage): ForeignProgram => {
      const form = ['-c', 'copy', '-strict', '-2', '-f', 'rtsp', '-rtsp_transport', transport, url];
      return start('ffmpeg', [...quiet, '-re', '-i', file(clip), ...form]);
    };

  const ffmpegFrom =
    (form: readonly string[]) =>
    ({ url, file }: Passage): ForeignProgram =>
      start('ffmpeg', [...quiet, '-rtsp_transport', 'tcp', '-i', url, ...form, file('out')]);

  function compareSums(file: string, source: Buffer, least: Readonly<Record<'v' | 'a', number>>): void {
    const played = readFileSync(file);
    for (const [short, kind] of [
      ['v', 'video'],
      ['a', 'audio'],
    ] as const) {
      if (least[short] === 0) continue;
      assertRun(readSums(played, kind), readSums(source, kind), least[short], kind);
    }
  }

  // Alone: GStreamer's sink stops more often when others run beside it.
  it('passes on bit by bit VP9 in non-flexible mode, from GStreamer', async () => {
    const passage = newPassage();
    const file = passage.file('clip.mkv');
    const clip = [...picture, '-c:v', 'libvpx-vp9', ...pictures, '-t', String(seconds), file];
    await run('ffmpeg', [...quiet, ...clip]);
    const argv = ['-q', 'filesrc', `location=${file}`, '!', 'matroskademux', '!', 'identity', 'sync=true', '!'];
    const publish = ({ url }: Passage): ForeignProgram =>
      start('gst-launch-1.0', [...argv, 'rtspclientsink', `location=${url}`, 'protocols=tcp']);
    await pass(publish, ffmpegFrom(asSums), passage);
    const source = await run('ffmpeg', [...quiet, '-i', file, ...asSums, '-']);
    compareSums(passage.file('out'), source, { v: 60, a: 0 });
  });

  for (const { name, clip, container = 'mkv', sums, bytes } of rows) {
    for (const transport of sums === undefined || sums.v === 0 ? ['tcp'] : ['tcp', 'udp']) {
      itBeside(`passes on bit by bit ${name} that came over ${transport}`, async () => {
        const passage = newPassage();
        const file = passage.file(`clip.${container}`);
        await run('ffmpeg', [...quiet, ...clip, '-t', String(seconds), file]);
        const form = bytes === undefined ? asSums : ['-c', 'copy', '-f', bytes];
        await pass(ffmpegTo(`clip.${container}`, transport), ffmpegFrom(form), passage);
        const source = await run('ffmpeg', [...quiet, '-i', file, ...form, '-']);
        if (sums !== undefined) {
          compareSums(passage.file('out'), source, sums);
          return;
        }
        const played = readFileSync(passage.file('out'));
        assert.ok(played.length > 16_000, `${played.length} bytes`);
        assert.ok(source.includes(played), 'another sound was played');
      });
    }
  }

  for (const [name, encoder] of [
    ['VP8', 'libvpx'],
    ['VP9', 'libvpx-vp9'],
  ] as const) {
    itBeside(`is read by GStreamer bit by bit: ${name}`, async () => {
      const passage = newPassage();
      const [file, out] = [passage.file('clip.mkv'), passage.file('out.mkv')];
      await run('ffmpeg', [...quiet, ...picture, '-c:v', encoder, ...pictures, '-t', String(seconds), file]);
      const play = ({ url }: Passage): ForeignProgram => {
        const argv = ['rtspsrc', `location=${url}`, 'protocols=tcp', 'latency=0', '!', `rtp${name.toLowerCase()}depay`];
        return start('gst-launch-1.0', ['-q', ...argv, '!', 'matroskamux', '!', 'filesink', `location=${out}`]);
      };
      await pass(ffmpegTo('clip.mkv', 'tcp'), play, passage);
      const sumsOf = async (path: string): Promise<readonly string[]> =>
        readSums(await run('ffmpeg', [...quiet, '-i', path, ...asSums, '-']), 'video');
      assertRun(await sumsOf(out), await sumsOf(file), 60, 'pictures');
    });
  }
});
