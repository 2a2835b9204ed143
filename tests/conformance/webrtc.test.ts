import { AccessUnit } from '../../core/media/access-unit.ts';
import { opusCodec } from '../../core/media/codecs/opus.ts';
import type { AdvertisedUrl } from '../../core/modules/module.ts';
import { type Micros, millis } from '../../core/time/micros.ts';
import { httpModule } from '../../modules/http/index.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { peerPayloads } from '../../modules/rtp/payloads.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import { unixFromNtp } from '../../wire/rtcp/ntp.ts';
import { readRtcp } from '../../wire/rtcp/reader.ts';
import { writeRtcp } from '../../wire/rtcp/writer.ts';
import { RtpPacket, readRtpPacket, rtpHeaderLength, writeRtpHeader } from '../../wire/rtp/packet.ts';
import { h264Grammar, NalDepacketizer } from '../../wire/rtp/payload/nal-depacketizer.ts';
import type { IcePeer } from '../support/ice-peer.ts';
import { peerTypes, WebRtcTestPeer } from '../support/webrtc-peer.ts';
import type { HarnessPlayer, HarnessPublisher, ReceivedUnit } from './harness.ts';
import { conformanceH264, frameMillis, numberedAudioFrame, numberedNal, readNumber } from './numbered-media.ts';
import { conformance } from './suite.ts';

type Kind = ReceivedUnit['kind'];
type StampedUnit = Omit<ReceivedUnit, 'millis'> & { readonly timestamp: number };

const rates: Readonly<Record<Kind, number>> = { video: 90_000, audio: 48_000 };
const opus = opusCodec({ channels: 2 });
/** What the suite writes at once is seconds of media: over TCP nothing of it has to be paced. Bits a second. */
const wide = 1_000_000_000;
/** Ways to go without a word of signalling. */
const vanishings = ['with a goodbye of DTLS', 'in silence', 'sending on without asking for consent'] as const;

/** Takes packets apart, and puts both media on the clock of their sender reports. */
class PlayedMedia {
  readonly units: ReceivedUnit[] = [];
  /** Why the server said goodbye. */
  words = '';
  readonly #packet = new RtpPacket();
  readonly #kinds = new Map<number, Kind>();
  readonly #reports = new Map<Kind, { readonly millis: number; readonly timestamp: number }>();
  /** What came before the first report of its medium. */
  #early: StampedUnit[] = [];
  readonly #video = new NalDepacketizer(h264Grammar, { unitPackets: 4_096, unitBytes: 1 << 24 }, (parts, timestamp) => {
    const picture = parts.at(-1);
    if (picture === undefined) return;
    this.#add({ kind: 'video', number: readNumber(picture), timestamp, keyframe: (picture[0] ?? 0) === 0x65 });
  });

  constructor(ice: IcePeer) {
    ice.onRtp = (bytes) => this.#take(Buffer.from(bytes));
    ice.onRtcp = (bytes) => this.#takeControl(bytes);
  }

  #take(bytes: Buffer): void {
    const packet = this.#packet;
    if (!readRtpPacket(bytes, packet)) throw new Error('no RTP');
    const kind = packet.payloadType === peerTypes.video ? 'video' : 'audio';
    this.#kinds.set(packet.ssrc, kind);
    const { timestamp } = packet;
    if (kind === 'video') this.#video.push(packet, timestamp);
    else this.#add({ kind, number: readNumber(packet.payload()), timestamp, keyframe: true });
  }

  #takeControl(bytes: Buffer): void {
    for (const packet of readRtcp(bytes).packets) {
      if (packet.kind === 'goodbye') this.words = packet.reason ?? '';
      if (packet.kind !== 'sender-report') continue;
      const kind = this.#kinds.get(packet.ssrc);
      if (kind === undefined) throw new Error('a report of what was not sent');
      this.#reports.set(kind, { millis: unixFromNtp(packet.ntp) / 1_000, timestamp: packet.rtpTimestamp });
      const early = this.#early;
      this.#early = [];
      for (const unit of early) this.#add(unit);
    }
  }

  #add(unit: StampedUnit): void {
    const { kind, number, timestamp, keyframe } = unit;
    const report = this.#reports.get(kind);
    if (report === undefined) {
      this.#early.push(unit);
      return;
    }
    const at = report.millis + (((timestamp - report.timestamp) | 0) * 1_000) / rates[kind];
    this.units.push({ kind, number, millis: at, keyframe });
  }
}

class Player implements HarnessPlayer {
  readonly ended: Promise<string>;
  protected readonly peer: WebRtcTestPeer;
  readonly #media: PlayedMedia;

  constructor(peer: WebRtcTestPeer, media: PlayedMedia) {
    this.peer = peer;
    this.#media = media;
    this.ended = peer.closed.then(() => media.words);
  }

  get units(): readonly ReceivedUnit[] {
    return this.#media.units;
  }

  close(): Promise<void> {
    return this.peer.leave();
  }
}

/** Over UDP nobody notices who does not read; over TCP the connection fills. */
class TcpPlayer extends Player {
  stall(): void {
    this.peer.ice.way?.pause?.();
  }

  resume(): void {
    this.peer.ice.way?.resume?.();
  }
}

async function play(url: string, protocol: 'udp' | 'tcp'): Promise<Player> {
  const listening: { media?: PlayedMedia } = {};
  const peer = await WebRtcTestPeer.connect(url, protocol, (ice) => {
    listening.media = new PlayedMedia(ice);
  });
  const media = listening.media ?? new PlayedMedia(peer.ice);
  if (protocol === 'udp') return new Player(peer, media);
  peer.ice.sendRtcp(
    writeRtcp([
      { kind: 'receiver-report', ssrc: 1, reports: [] },
      { kind: 'bitrate-estimate', senderSsrc: 1, bitrate: wide, ssrcs: [] },
    ]),
  );
  return new TcpPlayer(peer, media);
}

class Publisher implements HarnessPublisher {
  readonly #peer: WebRtcTestPeer;
  readonly #sequences = { video: 0xfff0, audio: 100 };

  constructor(peer: WebRtcTestPeer) {
    this.#peer = peer;
  }

  video(number: number, keyframe: boolean): void {
    const at = millis(number * frameMillis);
    const parts = [numberedNal(number, keyframe, 3_000)];
    const unit = new AccessUnit({ codec: conformanceH264, pts: at, dts: at, keyframe, parts });
    this.#send(unit, number * frameMillis * 90);
  }

  audio(number: number): void {
    const at = 0 as Micros;
    const parts = [numberedAudioFrame(number)];
    this.#send(new AccessUnit({ codec: opus, pts: at, dts: at, keyframe: true, parts }), number * 960);
  }

  leave(): Promise<void> {
    return this.#peer.leave();
  }

  vanish(how?: string): void {
    if (how === vanishings[0]) this.#peer.hangUp();
    else if (how === vanishings[1]) this.#peer.vanish();
    else this.#sendOn();
  }

  /** Until the server cuts it. */
  #sendOn(): void {
    this.#peer.forgetConsent();
    let number = 1;
    const sending = setInterval(() => {
      this.audio(number);
      number += 1;
    }, 20);
    void this.#peer.closed.then(() => clearInterval(sending));
  }

  #send(unit: AccessUnit, timestamp: number): void {
    const { kind } = unit.codec;
    const payloads = unit.as(peerPayloads);
    payloads.forEach((payload, index) => {
      const packet = Buffer.alloc(rtpHeaderLength + payload.length);
      const sequence = this.#sequences[kind] & 0xffff;
      this.#sequences[kind] += 1;
      writeRtpHeader(packet, 0, {
        marker: index === payloads.length - 1,
        payloadType: peerTypes[kind],
        sequence,
        timestamp: (timestamp + 0xffff_0000) >>> 0,
        ssrc: peerTypes[kind],
      });
      payload.copy(packet, rtpHeaderLength);
      this.#peer.ice.sendRtp(packet);
    });
  }
}

for (const protocol of ['udp', 'tcp'] as const) {
  conformance({
    protocol: `WebRTC by WHIP and WHEP over ${protocol.toUpperCase()}`,
    modules: [rtpModule, httpModule, webrtcModule],
    config: {
      http: { listen: { host: '127.0.0.1', port: 0 }, secure: { enabled: false } },
      rtp: { peers: { addresses: ['127.0.0.1'], keepAlive: '5s' } },
      webrtc: { bitrate: { minimum: wide }, mediaTimeout: '2s' },
    },
    audioCodec: opus,
    catchesUp: true,
    vanishings,
    warmUp: async (clients) => {
      const publisher = await clients.publish?.('first');
      await publisher?.leave();
    },
    words: {
      notFound: /404 .*There is no stream named \\"nobody\\"/,
      refusedToPlay: /403 .*not today/,
      ended: /publisher-left/,
      nameTaken: /409 .*already in use/,
      refusedToPublish: /403 .*not today/,
    },
    connect(urls: readonly AdvertisedUrl[]) {
      const find = (signalling: string, name: string): string =>
        (urls.find((one) => one.protocol === signalling)?.url ?? '').replace('HOST', '127.0.0.1').replace('NAME', name);
      return {
        play: (name) => play(find('whep', name), protocol),
        publish: async (name) => new Publisher(await WebRtcTestPeer.connect(find('whip', name), protocol)),
      };
    },
  });
}
