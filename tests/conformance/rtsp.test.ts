import type { Socket as DatagramSocket } from 'node:dgram';
import { AccessUnit } from '../../core/media/access-unit.ts';
import type { AdvertisedUrl } from '../../core/modules/module.ts';
import { type Micros, millis } from '../../core/time/micros.ts';
import { formatFor } from '../../modules/rtp/formats.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { interleave } from '../../modules/rtp/interleaved-batches.ts';
import { rtpPayloads } from '../../modules/rtp/payloads.ts';
import { writeDescription } from '../../modules/rtsp/description.ts';
import { rtspModule } from '../../modules/rtsp/index.ts';
import { unixFromNtp } from '../../wire/rtcp/ntp.ts';
import { readRtcp } from '../../wire/rtcp/reader.ts';
import { RtpPacket, readRtpPacket, rtpHeaderLength, writeRtpHeader } from '../../wire/rtp/packet.ts';
import { h264Grammar, NalDepacketizer } from '../../wire/rtp/payload/nal-depacketizer.ts';
import { openPair, RtspTestClient } from '../support/rtsp-client.ts';
import type { HarnessPlayer, HarnessPublisher, ProtocolClients, ReceivedUnit } from './harness.ts';
import {
  conformanceAac,
  conformanceH264,
  frameMillis,
  numberedAudioFrame,
  numberedNal,
  readNumber,
} from './numbered-media.ts';
import { conformance } from './suite.ts';

type Kind = ReceivedUnit['kind'];
const rates: Readonly<Record<Kind, number>> = { video: 90_000, audio: 48_000 };

/** Takes packets apart, and puts both media on the clock of their sender reports. */
class PlayedMedia {
  readonly units: ReceivedUnit[] = [];
  readonly ended: Promise<string>;
  readonly #packet = new RtpPacket();
  readonly #reports = new Map<Kind, { readonly millis: number; readonly timestamp: number }>();
  readonly #video = new NalDepacketizer(h264Grammar, { unitPackets: 4_096, unitBytes: 1 << 24 }, (parts, timestamp) => {
    const picture = parts.at(-1);
    if (picture !== undefined) this.#add('video', readNumber(picture), timestamp, (picture[0] ?? 0) === 0x65);
  });
  #tell: (words: string) => void = () => undefined;
  #byes = 0;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  take(kind: Kind, bytes: Buffer): void {
    const packet = this.#packet;
    if (!readRtpPacket(bytes, packet)) throw new Error('no RTP');
    if (kind === 'video') this.#video.push(packet, packet.timestamp);
    else this.#add('audio', readNumber(packet.payload().subarray(4)), packet.timestamp, true);
  }

  takeControl(kind: Kind, bytes: Buffer): void {
    for (const packet of readRtcp(bytes).packets) {
      if (packet.kind === 'sender-report') {
        this.#reports.set(kind, { millis: unixFromNtp(packet.ntp) / 1_000, timestamp: packet.rtpTimestamp });
      } else if (packet.kind === 'goodbye') {
        this.#byes += 1;
        if (this.#byes === 2) this.#tell(packet.reason ?? '');
      }
    }
  }

  #add(kind: Kind, number: number, timestamp: number, keyframe: boolean): void {
    const report = this.#reports.get(kind);
    if (report === undefined) throw new Error('media before the first sender report');
    const millis = report.millis + (((timestamp - report.timestamp) | 0) * 1_000) / rates[kind];
    this.units.push({ kind, number, millis, keyframe });
  }
}

class TcpPlayer extends PlayedMedia implements HarnessPlayer {
  readonly #client: RtspTestClient;
  readonly #url: string;

  constructor(client: RtspTestClient, url: string) {
    super();
    this.#client = client;
    this.#url = url;
    client.onFrame = (channel, bytes) => {
      const kind = channel < 2 ? 'video' : 'audio';
      if (channel % 2 === 0) this.take(kind, bytes);
      else this.takeControl(kind, bytes);
    };
  }

  async start(): Promise<void> {
    const { headers } = await this.#client.must('DESCRIBE', this.#url, { Accept: 'application/sdp' });
    const base = headers.get('content-base') ?? '';
    for (const track of [0, 1]) {
      const channels = `${track * 2}-${track * 2 + 1}`;
      await this.#client.must('SETUP', `${base}trackID=${track}`, {
        Transport: `RTP/AVP/TCP;unicast;interleaved=${channels}`,
      });
    }
    await this.#client.must('PLAY', base, { Range: 'npt=0.000-' });
  }

  stall(): void {
    this.#client.socket.pause();
  }

  resume(): void {
    this.#client.socket.resume();
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#client.closed;
  }
}

class UdpPlayer extends PlayedMedia implements HarnessPlayer {
  readonly #client: RtspTestClient;
  readonly #url: string;
  readonly #sockets: DatagramSocket[] = [];

  constructor(client: RtspTestClient, url: string) {
    super();
    this.#client = client;
    this.#url = url;
  }

  async start(): Promise<void> {
    const { headers } = await this.#client.must('DESCRIBE', this.#url);
    const base = headers.get('content-base') ?? '';
    for (const kind of ['video', 'audio'] as const) {
      const { media, control } = await openPair();
      this.#sockets.push(media, control);
      media.on('message', (bytes) => this.take(kind, bytes));
      control.on('message', (bytes) => this.takeControl(kind, bytes));
      const ports = `${media.address().port}-${control.address().port}`;
      await this.#client.must('SETUP', `${base}trackID=${kind === 'video' ? 0 : 1}`, {
        Transport: `RTP/AVP;unicast;client_port=${ports}`,
      });
    }
    await this.#client.must('PLAY', base);
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#client.closed;
    for (const socket of this.#sockets) socket.close();
  }
}

class Publisher implements HarnessPublisher {
  readonly #client: RtspTestClient;
  readonly #url: string;
  readonly #sequences = { video: 0xfff0, audio: 100 };

  constructor(client: RtspTestClient, url: string) {
    this.#client = client;
    this.#url = url;
  }

  async start(): Promise<void> {
    const media = ([conformanceH264, conformanceAac] as const).flatMap((codec, track) => {
      const format = formatFor(codec, 96 + track);
      return format === undefined ? [] : [{ kind: codec.kind, track, format }];
    });
    const description = writeDescription(media, { name: 'test', address: '127.0.0.1', id: 1 });
    await this.#client.must('ANNOUNCE', this.#url, { 'Content-Type': 'application/sdp' }, description);
    for (const track of [0, 1]) {
      const channels = `${track * 2}-${track * 2 + 1}`;
      await this.#client.must('SETUP', `${this.#url}/trackID=${track}`, {
        Transport: `RTP/AVP/TCP;unicast;mode=record;interleaved=${channels}`,
      });
    }
    await this.#client.must('RECORD', this.#url);
  }

  video(number: number, keyframe: boolean): void {
    const at = millis(number * frameMillis);
    const parts = [numberedNal(number, keyframe, 3_000)];
    this.#send(
      new AccessUnit({ codec: conformanceH264, pts: at, dts: at, keyframe, parts }),
      number * frameMillis * 90,
    );
  }

  audio(number: number): void {
    const at = 0 as Micros;
    const parts = [numberedAudioFrame(number)];
    this.#send(new AccessUnit({ codec: conformanceAac, pts: at, dts: at, keyframe: true, parts }), number * 1_024);
  }

  async leave(): Promise<void> {
    await this.#client.must('TEARDOWN', this.#url);
    this.#client.close();
  }

  vanish(): void {
    this.#client.close();
  }

  #send(unit: AccessUnit, timestamp: number): void {
    const { kind } = unit.codec;
    const payloads = unit.as(rtpPayloads);
    payloads.forEach((payload, index) => {
      const packet = Buffer.alloc(rtpHeaderLength + payload.length);
      const marker = index === payloads.length - 1;
      const sequence = this.#sequences[kind];
      this.#sequences[kind] += 1;
      const payloadType = kind === 'video' ? 96 : 97;
      writeRtpHeader(packet, 0, {
        marker,
        payloadType,
        sequence,
        timestamp: timestamp + 0xffff_0000,
        ssrc: payloadType,
      });
      payload.copy(packet, rtpHeaderLength);
      this.#client.socket.write(interleave(kind === 'video' ? 0 : 2, packet));
    });
  }
}

function clientsAt(urls: readonly AdvertisedUrl[], player: typeof TcpPlayer | typeof UdpPlayer): ProtocolClients {
  const found = urls.find(({ protocol }) => protocol === 'rtsp')?.url ?? '';
  const port = Number(/:(\d+)\//.exec(found)?.[1]);
  const url = (name: string): string => `rtsp://127.0.0.1:${port}/live/${name}`;
  return {
    play: async (name) => {
      const client = await RtspTestClient.open(port);
      const playing = new player(client, url(name));
      try {
        await playing.start();
      } catch (error) {
        await playing.close();
        throw error;
      }
      return playing;
    },
    publish: async (name) => {
      const client = await RtspTestClient.open(port);
      const publisher = new Publisher(client, url(name));
      try {
        await publisher.start();
      } catch (error) {
        client.close();
        throw error;
      }
      return publisher;
    },
  };
}

for (const [protocol, player] of [
  ['RTSP over TCP', TcpPlayer],
  ['RTSP over UDP', UdpPlayer],
] as const) {
  conformance({
    protocol,
    modules: [rtpModule, rtspModule],
    config: { rtp: { ports: '31000-31999' }, rtsp: { listen: { host: '127.0.0.1', port: 0 } } },
    words: {
      notFound: /404 Not Found There is no stream named "nobody"/,
      refusedToPlay: /403 Forbidden Access refused to play "live": not today/,
      ended: /publisher-left/,
      nameTaken: /403 Forbidden The stream name "taken" is already in use/,
      refusedToPublish: /403 Forbidden Access refused to publish "[a-z]+": not today/,
    },
    connect: (urls) => clientsAt(urls, player),
  });
}
