import assert from 'node:assert/strict';
import { ManualClock } from '../../../../../core/time/manual-clock.ts';
import { type Micros, millis, seconds } from '../../../../../core/time/micros.ts';
import type { PeerMedium } from '../../../../../modules/rtp/contract.ts';
import { RtpCounters } from '../../../../../modules/rtp/metrics.ts';
import { extensionUri, peerFeedback } from '../../../../../modules/rtp/peers/header-extensions.ts';
import { PeerReceiver } from '../../../../../modules/rtp/peers/peer-receiver.ts';
import { readRtcp } from '../../../../../wire/rtcp/reader.ts';
import { writeExtensions } from '../../../../../wire/rtp/extensions.ts';
import { writeRtpHeader } from '../../../../../wire/rtp/packet.ts';
import { packetPipe } from '../../../../support/packet-pipe.ts';
import { TestCore } from '../../../../support/test-core.ts';

const medium: PeerMedium = {
  kind: 'video',
  mid: '0',
  formats: [
    {
      payloadType: 96,
      encoding: 'VP8',
      clockRate: 90_000,
      channels: undefined,
      parameters: new Map(),
      feedback: peerFeedback('video'),
      rtx: 97,
    },
  ],
  extensions: new Map([
    [extensionUri.mid, 1],
    [extensionUri.rid, 2],
    [extensionUri.repairedRid, 3],
  ]),
  rids: ['q', 'h', 'f'],
  sources: [],
};

const sizes: Readonly<Record<string, [number, number]>> = { q: [320, 180], h: [640, 360], f: [1_280, 720] };

/** One layer as Chromium sends it: the rid on the first packets only. */
class FakeLayer {
  readonly rid: string;
  readonly ssrc: number;
  sequence: number;
  timestamp: number;
  #sent = 0;

  constructor(rid: string, index: number) {
    this.rid = rid;
    this.ssrc = 1_000 + index;
    this.sequence = 65_530 + index;
    this.timestamp = index * 1_000_000;
  }

  /** RFC 7741 4.2, 4.3: a frame in one packet. */
  packet(keyframe: boolean): Buffer {
    const [width, height] = sizes[this.rid] ?? [0, 0];
    const frame = Buffer.alloc(40, this.sequence & 0xff);
    frame[0] = keyframe ? 0x10 : 0x11;
    if (keyframe) {
      frame.writeUIntBE(0x9d012a, 3, 3);
      frame.writeUInt16LE(width, 6);
      frame.writeUInt16LE(height, 8);
    }
    const bytes = this.#header(96, this.ssrc, this.sequence, this.#sent < 5 ? [1, 2] : []);
    this.#sent += 1;
    this.sequence += 1;
    this.timestamp += 3_000;
    return Buffer.concat([bytes, Buffer.of(0x10), frame]);
  }

  repeat(original: Buffer): Buffer {
    const at = 12;
    const header = this.#header(97, this.ssrc + 500, 7, [1, 3]);
    header.writeUInt32BE(original.readUInt32BE(4), 4);
    return Buffer.concat([header, original.subarray(2, 4), original.subarray(at)]);
  }

  #header(payloadType: number, ssrc: number, sequence: number, ids: readonly number[]): Buffer {
    const bytes = Buffer.alloc(64);
    const header = { marker: true, payloadType, sequence, timestamp: this.timestamp, ssrc };
    const end = writeRtpHeader(bytes, 0, header, ids.length > 0);
    const values = new Map([
      [1, '0'],
      [2, this.rid],
      [3, this.rid],
    ]);
    return bytes.subarray(
      0,
      writeExtensions(
        bytes,
        end,
        ids.map((id) => ({ id, value: Buffer.from(values.get(id) ?? '') })),
      ),
    );
  }
}

async function open() {
  const clock = new ManualClock();
  const core = new TestCore({ clock });
  const asked: number[] = [];
  const publication = await core.publish('many', {
    expects: ['video'],
    requestKeyframe: () => receiver.requestKeyframe(),
  });
  const [browser, server] = packetPipe(clock, { scope: core.scope.child('pipe') });
  const counters = new RtpCounters();
  const receiver = new PeerReceiver(
    { config: { reorder: millis(60), unitPackets: 100 }, media: [medium], cname: 'x' },
    { core, counters, transport: server, publication },
  );
  browser.record = (bytes) => {
    for (const packet of readRtcp(bytes).packets) if (packet.kind === 'picture-loss') asked.push(packet.mediaSsrc);
  };
  browser.connect();
  server.connect();
  const layers = medium.rids.map((rid, index) => new FakeLayer(rid, index));
  /** Pictures of the layers named, thirty a second. */
  const run = async (duration: Micros, rids: string, keyframe = false): Promise<void> => {
    for (let passed = 0; passed < duration; passed += 33_000) {
      const first = passed === 0;
      for (const layer of layers) {
        if (rids.includes(layer.rid)) server.hear(layer.packet(first && keyframe), 'rtp');
      }
      await clock.advanceSettling(millis(33), 33_000);
    }
  };
  return { core, stream: publication.stream, receiver, counters, asked, layers, server, run };
}

function width(codec: unknown): number {
  return (codec as { width: number }).width;
}

describe('modules/rtp peers and simulcast', () => {
  it('makes a track of each layer, and publishes the best that comes in', async () => {
    const { core, stream, run, receiver, asked, counters } = await open();
    await run(millis(500), 'q', true);
    assert.equal(width(stream.findTrack('video')?.codec), 320);
    await run(seconds(1), 'qhf', true);
    assert.equal(width(stream.findTrack('video')?.codec), 1_280);
    assert.deepEqual(
      stream.tracks.map(({ id, codec }) => [id, width(codec)]),
      [
        ['video', 1_280],
        ['video.q', 320],
        ['video.h', 640],
        ['video.f', 1_280],
      ],
    );
    assert.equal(counters.foreign, 0);

    // The browser stops the largest, and later takes it up again.
    const before = asked.length;
    await run(seconds(2), 'qh');
    assert.ok(asked.length > before, 'a key frame of what is left is asked for');
    assert.equal(width(stream.findTrack('video')?.codec), 1_280, 'nothing changes without one');
    await run(millis(300), 'qh', true);
    assert.equal(width(stream.findTrack('video')?.codec), 640);
    await run(millis(300), 'qhf', true);
    assert.equal(width(stream.findTrack('video')?.codec), 1_280);

    const { layers } = receiver.inspect() as { layers: { rid: string; received: number }[] };
    assert.deepEqual(
      layers.map(({ rid }) => rid),
      ['q', 'h', 'f'],
    );
    assert.equal(stream.findTrack('video')?.counters.disordered, 0);
    assert.deepEqual(core.failures, []);
    await core.close();
  });

  it('repairs each layer from its own retransmissions', async () => {
    const { core, stream, run, layers, server, counters } = await open();
    await run(millis(300), 'qhf', true);
    const [q] = layers;
    assert.ok(q !== undefined);
    const lost = q.packet(false);
    await run(millis(60), 'qhf');
    server.hear(q.repeat(lost), 'rtp');
    await run(millis(300), 'qhf');
    assert.equal(counters.recovered, 1);
    assert.equal(counters.incomplete, 0);
    const units = stream.tracks.find(({ id }) => id === 'video.q')?.counters.units ?? 0;
    assert.ok(units >= 21, String(units));
    await core.close();
  });

  it('knows no layers beyond those of the description', async () => {
    const { core, stream, run, server, counters } = await open();
    await run(millis(300), 'qhf', true);
    const before = counters.foreign;
    for (let index = 0; index < 100; index += 1)
      server.hear(new FakeLayer(`x${index}`, 50 + index).packet(true), 'rtp');
    assert.equal(counters.foreign - before, 100);
    assert.equal(stream.tracks.length, 4);
    await core.close();
  });
});
