import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AccessUnit } from '../../core/media/access-unit.ts';
import { av1Codec } from '../../core/media/codecs/av1.ts';
import { findAv1SequenceHeader } from '../../core/media/codecs/in-band-codec.ts';
import { isKeyframe } from '../../core/media/codecs/keyframe.ts';
import { millis } from '../../core/time/micros.ts';
import { formatFor } from '../../modules/rtp/formats.ts';
import { interleave } from '../../modules/rtp/interleaved-batches.ts';
import { peerPayloads } from '../../modules/rtp/payloads.ts';
import { writeDescription } from '../../modules/rtsp/description.ts';
import { splitObus, withObuSizes } from '../../wire/codec-records/obu.ts';
import { rtpHeaderLength, writeRtpHeader } from '../../wire/rtp/packet.ts';
import { eventually } from '../conformance/suite.ts';
import { readFrameTable } from '../support/frame-table.ts';
import { run } from '../support/media-source.ts';
import { PayloadFeed } from '../support/rtp-payloads.ts';
import { RtspTestClient } from '../support/rtsp-client.ts';
import { RtspTestServer } from '../support/rtsp-server.ts';

const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'];
const frameMillis = 40;

/** Temporal units of an IVF file: a header of 32 bytes, and before each unit one of 12. */
function readIvf(bytes: Buffer): AccessUnit[] {
  const units: AccessUnit[] = [];
  let header: Buffer | undefined;
  for (let at = 32; at < bytes.length; ) {
    const end = at + 12 + bytes.readUInt32LE(at);
    const parts = splitObus(bytes.subarray(at + 12, end), 'ivf');
    header = findAv1SequenceHeader(parts) ?? header;
    const pts = millis(units.length * frameMillis);
    const codec = av1Codec(header ?? assert.fail('no sequence header'));
    units.push(new AccessUnit({ codec, pts, dts: pts, keyframe: isKeyframe('av1', parts), parts }));
    at = end;
  }
  return units;
}

// The ffmpeg and the GStreamer of our time send no AV1 over RTP: their bits, our packets.
describe('AV1 over RTSP', function () {
  this.timeout(60_000);
  let running: RtspTestServer;
  let folder: string;
  let url: string;
  const clients: RtspTestClient[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-av1-'));
    running = await RtspTestServer.start();
    url = running.url('rtsp', 'clip');
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(): Promise<RtspTestClient> {
    const client = await RtspTestClient.open(running.port);
    clients.push(client);
    return client;
  }

  async function publish(units: readonly AccessUnit[]): Promise<() => void> {
    const client = await open();
    const [codec] = units.map((unit) => unit.codec);
    const format = (codec === undefined ? undefined : formatFor(codec, 96)) ?? assert.fail('no format');
    assert.deepEqual([format.encoding, format.parameters.get('profile')], ['AV1', '0']);
    const description = writeDescription([{ kind: 'video', track: 0, format }], {
      name: 'x',
      address: '127.0.0.1',
      id: 1,
    });
    await client.must('ANNOUNCE', url, { 'Content-Type': 'application/sdp' }, description);
    await client.must('SETUP', `${url}/trackID=0`, { Transport: 'RTP/AVP/TCP;unicast;mode=record;interleaved=0-1' });
    await client.must('RECORD', url);
    return () => {
      let sequence = 0;
      units.forEach((unit, index) => {
        const payloads = unit.as(peerPayloads);
        payloads.forEach((payload, at) => {
          const packet = Buffer.alloc(rtpHeaderLength + payload.length);
          const marker = at === payloads.length - 1;
          const timestamp = index * frameMillis * 90;
          writeRtpHeader(packet, 0, { marker, payloadType: 96, sequence, timestamp, ssrc: 7 });
          sequence += 1;
          payload.copy(packet, rtpHeaderLength);
          client.socket.write(interleave(0, packet));
        });
      });
    };
  }

  async function play(feed: PayloadFeed): Promise<void> {
    const client = await open();
    client.onFrame = (channel, bytes) => {
      if (channel === 0) feed.packet(bytes);
    };
    const { headers, body } = await client.must('DESCRIBE', url, { Accept: 'application/sdp' });
    assert.match(body.toString(), /a=rtpmap:96 AV1\/90000\r\na=fmtp:96 profile=0; ?level-idx=\d+; ?tier=0\r\n/);
    const base = headers.get('content-base') ?? '';
    await client.must('SETUP', `${base}trackID=0`, { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' });
    await client.must('PLAY', base);
  }

  it('comes out as it went in, and decodes to the same pictures', async () => {
    const file = join(folder, 'clip.ivf');
    const encoder = [
      '-c:v',
      'libsvtav1',
      '-preset',
      '10',
      '-g',
      '12',
      '-b:v',
      '800k',
      '-svtav1-params',
      'pred-struct=1',
    ];
    await run('ffmpeg', [...quiet, '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25', '-t', '2', ...encoder, file]);
    const units = readIvf(readFileSync(file));
    assert.ok(units.filter(({ keyframe }) => keyframe).length >= 3);
    const send = await publish(units);
    send();
    await eventually('the stream', () => running.isReady('clip'));
    const feed = new PayloadFeed('av1');
    await play(feed);
    await eventually('the last picture', () => feed.units.at(-1)?.parts.join() === hex(units.at(-1)));
    // From the newest key frame on: whatever the cache holds.
    const from = units.length - feed.units.length;
    assert.ok(units[from]?.keyframe);
    assert.deepEqual(
      feed.units.map(({ parts }) => parts.join()),
      units.slice(from).map(hex),
    );

    const played = join(folder, 'played.obu');
    const bits = feed.units.flatMap(({ parts }) =>
      withObuSizes(
        parts.map((part) => Buffer.from(part, 'hex')),
        true,
      ),
    );
    writeFileSync(played, Buffer.concat(bits));
    const pictures = async (path: string): Promise<readonly string[]> =>
      readFrameTable(await run('ffmpeg', [...quiet, '-i', path, '-f', 'framemd5', '-'])).sums(0);
    assert.deepEqual(await pictures(played), (await pictures(file)).slice(from));
  });
});

function hex(unit: AccessUnit | undefined): string {
  return unit?.parts.map((part) => part.toString('hex')).join() ?? '';
}
