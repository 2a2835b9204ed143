import assert from 'node:assert/strict';
import { TrackAdded } from '../../../../core/events/catalogue.ts';
import type { AccessUnit } from '../../../../core/media/access-unit.ts';
import { readInternally } from '../../../../core/streams/internal-reader.ts';
import type { Publication } from '../../../../core/streams/publication.ts';
import type { Subscription } from '../../../../core/streams/subscription.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { Ingest } from '../../../../modules/rtmp/ingest.ts';
import { configMessage, rtmpMessageForm } from '../../../../modules/rtmp/message-form.ts';
import { announcedKinds, describeTracks, readFacts } from '../../../../modules/rtmp/metadata.ts';
import { RtmpCounters } from '../../../../modules/rtmp/metrics.ts';
import { amfObject, findAmfNumber, findAmfString } from '../../../../wire/amf/value.ts';
import { FlvFileReader, type FlvTag } from '../../../../wire/flv/file.ts';
import { writeAudioTag, writeVideoTag } from '../../../../wire/flv/tag.ts';
import { ChunkReader } from '../../../../wire/rtmp/chunk-reader.ts';
import { messageType, type RtmpMessage } from '../../../../wire/rtmp/message.ts';
import { run } from '../../../support/media-source.ts';
import { aacConfig, audioTag, avcConfig, videoTag } from '../../../support/rtmp-media.ts';
import { TestCore } from '../../../support/test-core.ts';

describe('modules/rtmp codecs', () => {
  let core: TestCore;
  let publication: Publication;
  let ingest: Ingest;
  let readers: Subscription[];
  let read: AccessUnit[];
  const counters = new RtmpCounters();

  beforeEach(async () => {
    core = new TestCore({ clock: new ManualClock() });
    publication = await core.publish('x');
    readers = [];
    read = [];
    const { session, stream, scope } = publication;
    core.events.on(TrackAdded, core.scope, ({ track }) => {
      readers.push(readInternally(stream, { session, scope: scope.child('reader'), tracks: [track], start: 'cached' }));
    });
    ingest = new Ingest(publication, { clock: core.clock, counters });
  });
  afterEach(() => core.close());

  const take = (kind: 'video' | 'audio', timestamp: number, payload: Buffer): void =>
    ingest.take({ type: messageType[kind], streamId: 1, timestamp, csid: 6, payload });
  /** Everything of a kind so far. */
  const units = (kind: 'video' | 'audio'): AccessUnit[] => {
    for (const reader of readers) {
      for (let next = reader.pull(); next !== undefined; next = reader.pull()) read.push(next.unit);
    }
    return read.filter(({ codec }) => codec.kind === kind);
  };
  /** The messages that the shared forms make, read back. */
  const reread = (bytes: readonly (Buffer | undefined)[]): RtmpMessage[] => {
    const reader = new ChunkReader();
    const messages: RtmpMessage[] = [];
    const size = Buffer.from([2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0xea, 0x60]); // chunks of 60000
    reader.push(Buffer.concat([size, ...bytes.filter((part) => part !== undefined)]), (message) =>
      messages.push(message),
    );
    return messages;
  };

  it('publishes the first track of a multitrack message', () => {
    const frame = (track: number, text: string) =>
      ({
        kind: 'frame',
        codec: 'opus',
        enhanced: true,
        track,
        nanoOffset: 0,
        sampleRate: undefined,
        channels: undefined,
        sampleSize: 16,
        payload: Buffer.from(text),
      }) as const;
    const tag = (first: number, second: number): Buffer =>
      writeAudioTag({
        kind: 'multitrack',
        layout: 'many-tracks',
        tracks: [frame(first, `track ${first}`), frame(second, `track ${second}`)],
      });
    take('audio', 0, tag(3, 1));
    take('audio', 20, tag(1, 3));
    assert.deepEqual(
      units('audio').map((unit) => String(unit.parts[0])),
      ['track 3', 'track 3'],
    );
    assert.equal(publication.stream.tracks.length, 1);
  });

  it('adds nanoseconds to the time', () => {
    const payload = Buffer.from([0xf8, 1]);
    const base = {
      kind: 'frame',
      codec: 'opus',
      enhanced: true,
      track: 0,
      sampleRate: undefined,
      channels: undefined,
      sampleSize: 16,
      payload,
    } as const;
    take('audio', 100, writeAudioTag({ ...base, nanoOffset: 0 }));
    take('audio', 120, writeAudioTag({ ...base, nanoOffset: 500_000 }));
    assert.deepEqual(
      units('audio').map(({ dts }) => dts),
      [0, 20_500],
    );
  });

  it('keeps one descriptor while headers repeat, and the units apart from what they were cut from', () => {
    take('video', 0, avcConfig);
    take('audio', 0, aacConfig);
    take('video', 0, videoTag(0, true));
    take('audio', 3, audioTag(0));
    take('video', 33, Buffer.from(avcConfig));
    take('audio', 24, Buffer.from(aacConfig));
    take('video', 33, videoTag(1, true));
    take('audio', 24, audioTag(1));
    for (const kind of ['video', 'audio'] as const) {
      const [first, second] = units(kind);
      assert.equal(first?.codec, second?.codec);
      assert.ok(first !== undefined);
    }
    assert.deepEqual(
      units('audio').map(({ dts }) => dts),
      [3_000, 24_333], // 1024 samples at 48 kHz, told as 21 ms
    );
  });

  it('counts frames without their sequence header, and passes none on', () => {
    take('video', 0, videoTag(0, true));
    take('audio', 0, audioTag(0));
    assert.equal(publication.stream.tracks.length, 0);
  });

  it('takes key frames for what they are, not for what their tag says', () => {
    take('video', 0, avcConfig);
    take('video', 0, videoTag(0, true));
    const pretended = videoTag(1, false);
    pretended[0] = 0x17;
    take('video', 33, pretended);
    assert.deepEqual(
      units('video').map(({ keyframe }) => keyframe),
      [true, false],
    );
  });

  it('follows MP3, G.711 and Speex by their frames', () => {
    take('audio', 0, Buffer.from('2ffffb9064', 'hex')); // MPEG-1 layer III, 44.1 kHz, joint stereo
    take('audio', 26, Buffer.from('72d5d5', 'hex'));
    take('audio', 46, Buffer.from('82ffff', 'hex'));
    take('audio', 66, Buffer.from('b60102', 'hex'));
    assert.deepEqual(
      units('audio').map(({ codec }) => [codec.name, codec.kind === 'audio' ? codec.sampleRate : 0]),
      [
        ['mp3', 44_100],
        ['pcma', 8_000],
        ['pcmu', 8_000],
        ['speex', 16_000],
      ],
    );
    const sent = reread(units('audio').map((unit) => unit.as(rtmpMessageForm)));
    assert.deepEqual(
      sent.map(({ payload }) => payload.toString('hex', 1)),
      ['fffb9064', 'd5d5', 'ffff', '0102'],
    );
    assert.deepEqual(
      sent.map(({ payload }) => (payload[0] ?? 0) >> 4),
      [2, 7, 8, 11],
    );
  });

  it('counts codecs that the core has none for', () => {
    const before = counters.mediaMalformed;
    take('video', 0, Buffer.from('2401020304', 'hex')); // VP6
    take('audio', 0, Buffer.from('6201', 'hex')); // Nellymoser
    take('video', 0, writeVideoTag({ kind: 'command', enhanced: false, command: 1 }));
    assert.equal(counters.mediaMalformed, before + 2);
    assert.equal(publication.stream.tracks.length, 0);
  });

  for (const [codec, encoder, container] of [
    ['h264', ['libx264', '-bf', '2'], 'flv'],
    ['aac', ['aac'], 'flv'],
    ['mp3', ['libmp3lame'], 'flv'],
    ['speex', ['libspeex'], 'flv'],
  ] as const) {
    it(`gives back what ffmpeg wrote, byte for byte (${codec})`, async function () {
      this.timeout(20_000);
      const video = codec === 'h264';
      const source = video ? 'testsrc2=size=160x120:rate=25' : 'sine=sample_rate=16000';
      const argv = [
        '-v',
        'error',
        '-nostdin',
        '-f',
        'lavfi',
        '-i',
        source,
        '-t',
        '1',
        video ? '-c:v' : '-c:a',
        ...encoder,
      ];
      const sampling = video
        ? ['-pix_fmt', 'yuv420p']
        : codec === 'mp3'
          ? ['-ar', '44100']
          : ['-ar', '16000', '-ac', '1'];
      const reader = new FlvFileReader();
      reader.push(await run('ffmpeg', [...argv, ...sampling, '-f', container, 'pipe:1']));
      const tags: FlvTag[] = [];
      for (let tag = reader.next(); tag !== undefined; tag = reader.next()) if (tag.type !== 18) tags.push(tag);
      const kind = video ? 'video' : 'audio';
      for (const tag of tags) take(kind, tag.timestamp, tag.body);
      const found = units(kind);
      const config = found[0] === undefined ? undefined : configMessage(found[0].codec, 0);
      const sent = reread([config, ...found.map((unit) => unit.as(rtmpMessageForm))]);
      // The end of sequence, which some writers add, is no frame.
      const expected = tags.filter(({ body }) => !(video && body[1] === 2));
      assert.ok(expected.length > 10);
      assert.deepEqual(
        sent.map(({ payload }) => payload.toString('hex')),
        expected.map(({ body }) => body.toString('hex')),
      );
      assert.deepEqual(
        sent.slice(1).map(({ timestamp }) => timestamp),
        expected.slice(1).map(({ timestamp }) => timestamp),
      );
    });
  }

  for (const [fourCc, encoder] of [
    ['hvc1', ['libx265', '-x265-params', 'log-level=none']],
    ['av01', ['libaom-av1', '-cpu-used', '8']],
    ['vp09', ['libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8']],
  ] as const) {
    it(`carries ${fourCc} as Enhanced RTMP`, async function () {
      this.timeout(30_000);
      const { readVideoTag } = await import('../../../../wire/flv/tag.ts');
      const codec = ({ hvc1: 'h265', av01: 'av1', vp09: 'vp9' } as const)[fourCc];
      const argv = [
        '-v',
        'error',
        '-nostdin',
        '-f',
        'lavfi',
        '-i',
        'testsrc2=size=160x120:rate=10',
        '-t',
        '1',
        '-pix_fmt',
        'yuv420p',
        '-c:v',
        ...encoder,
      ];
      const { codecRecord, frames } = await makeFrames(argv, codec);
      const base = { codec, enhanced: true, track: 0, nanoOffset: 0 } as const;
      if (codecRecord !== undefined) {
        take('video', 0, writeVideoTag({ ...base, kind: 'config', mpeg2Ts: false, payload: codecRecord }));
      }
      for (const [index, payload] of frames.entries()) {
        const frame = {
          ...base,
          kind: 'frame',
          keyframe: index === 0,
          disposable: false,
          compositionTime: 0,
          payload,
        } as const;
        take('video', index * 100, writeVideoTag(frame));
      }
      const found = units('video');
      assert.equal(found.length, frames.length);
      assert.equal(found[0]?.keyframe, true);
      const first = found[0];
      assert.ok(first !== undefined && first.codec.kind === 'video');
      assert.deepEqual([first.codec.name, first.codec.width, first.codec.height], [codec, 160, 120]);
      const [config, ...sent] = reread([
        configMessage(first.codec, 0),
        ...found.map((unit) => unit.as(rtmpMessageForm)),
      ]);
      const head = readVideoTag(config?.payload ?? Buffer.alloc(0));
      assert.ok(head.kind === 'config' && head.codec === codec);
      const bodies = sent.map(({ payload }) => {
        const tag = readVideoTag(payload);
        return tag.kind === 'frame' ? tag.payload.toString('hex') : tag.kind;
      });
      assert.deepEqual(
        bodies,
        frames.map((frame) => frame.toString('hex')),
      );
    });
  }

  it('reads the plain facts of metadata, within bounds', () => {
    const facts = readFacts(
      amfObject({
        width: 640,
        encoder: 'x\r\ny',
        deep: amfObject({ a: 1 }),
        nan: Number.NaN,
        __proto__x: true,
        long: 'z'.repeat(1_000),
      }),
    );
    assert.equal(facts['encoder'], 'x??y');
    assert.equal(facts['deep'], undefined);
    assert.equal(facts['nan'], undefined);
    assert.equal(String(facts['long']).length, 256);
    assert.deepEqual(announcedKinds(facts), ['video']);
    assert.deepEqual(announcedKinds({ videocodecid: 0, audiocodecid: 10 }), ['audio']);
    assert.equal(announcedKinds({ encoder: 'x' }), undefined);
    const described = describeTracks([], { ...facts, videodatarate: 5 });
    assert.equal(
      findAmfNumber(described, 'width'),
      undefined,
      'what the publisher says of its codecs may not be true of ours',
    );
    assert.equal(findAmfString(described, 'encoder'), 'x??y');
  });
});

/** Frames as Enhanced RTMP carries them, cut from what ffmpeg writes as IVF or Annex B. */
async function makeFrames(argv: readonly string[], codec: 'h265' | 'av1' | 'vp9') {
  if (codec !== 'h265') {
    const ivf = await run('ffmpeg', [...argv, '-f', 'ivf', 'pipe:1']);
    const { splitObus, withObuSizes } = await import('../../../../wire/codec-records/obu.ts');
    const frames: Buffer[] = [];
    for (let at = 32; at + 12 <= ivf.length; ) {
      const size = ivf.readUInt32LE(at);
      const frame = ivf.subarray(at + 12, at + 12 + size);
      // E-RTMP, as MP4, leaves temporal delimiters out.
      frames.push(codec === 'vp9' ? frame : Buffer.concat(withObuSizes(splitObus(frame, 'test'))));
      at += 12 + size;
    }
    return { codecRecord: undefined, frames };
  }
  const { splitAnnexB, withLengths } = await import('../../../../wire/codec-records/nal.ts');
  const { h265Codec } = await import('../../../../core/media/codecs/h265.ts');
  const stream = await run('ffmpeg', [
    ...argv,
    '-bf',
    '0',
    '-bsf:v',
    'hevc_metadata=aud=insert',
    '-f',
    'hevc',
    'pipe:1',
  ]);
  const groups: Buffer[][] = [];
  for (const nal of splitAnnexB(stream, 'test')) {
    if ((nal[0] ?? 0) >> 1 === 35) groups.push([]);
    groups.at(-1)?.push(nal);
  }
  const ofType = (type: number): Buffer[] => groups[0]?.filter((nal) => (nal[0] ?? 0) >> 1 === type) ?? [];
  const message = configMessage(h265Codec(ofType(32), ofType(33), ofType(34)), 0);
  // Behind the headers of message (12) and tag (5).
  return { codecRecord: message?.subarray(17), frames: groups.map((group) => Buffer.concat(withLengths(group))) };
}
