import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  MediaStreamTrack,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  type RtpPacket,
  useH264,
  useNACK,
  useOPUS,
  usePLI,
  useSdesMid,
  useVP8,
} from 'werift';

export interface WeriftSettings {
  readonly video?: 'H264' | 'VP8';
  readonly audio?: boolean;
  /** Whether it knows RTX (RFC 4588); without, it asks for what it lost all the same. It does unless told. */
  readonly rtx?: boolean;
  /** What is done with the answer before werift hears it: a relay's address is put in, say. */
  readonly rewrite?: (answer: string) => string;
}

const retransmission = new RTCRtpCodecParameters({ mimeType: 'video/rtx', clockRate: 90_000 });

function videoCodec(name: 'H264' | 'VP8'): RTCRtpCodecParameters {
  const rtcpFeedback = [useNACK(), usePLI()];
  return name === 'H264' ? useH264({ rtcpFeedback }) : useVP8({ rtcpFeedback });
}

/** WHIP and WHEP by werift, which shares no code with this server. */
export class WeriftClient {
  readonly pc: RTCPeerConnection;
  /** Packets by kind, retransmitted ones as what they repeat. */
  onRtp: (kind: 'video' | 'audio', packet: RtpPacket) => void = () => undefined;
  /** Only of a publisher. */
  readonly tracks = new Map<'video' | 'audio', MediaStreamTrack>();
  answer = '';
  resource = '';
  readonly #sockets: Socket[] = [];

  private constructor({ video = 'H264', rtx = true }: WeriftSettings) {
    const extensions = [useSdesMid()];
    this.pc = new RTCPeerConnection({
      codecs: { video: [videoCodec(video), ...(rtx ? [retransmission] : [])], audio: [useOPUS()] },
      headerExtensions: { video: extensions, audio: extensions },
      // Else it opens ports for each medium and closes those of one.
      bundlePolicy: 'max-bundle',
      iceServers: [],
      iceUseIpv6: false,
      iceUseTcp: false,
      iceAdditionalHostAddresses: ['127.0.0.1'],
    });
  }

  /** Publishes by WHIP: media goes out by `feed`. Resolves when it can. */
  static async publish(url: string, settings: WeriftSettings = {}): Promise<WeriftClient> {
    const client = new WeriftClient(settings);
    for (const kind of settings.audio === false ? (['video'] as const) : (['video', 'audio'] as const)) {
      const track = new MediaStreamTrack({ kind });
      client.tracks.set(kind, track);
      client.pc.addTransceiver(track, { direction: 'sendonly' });
    }
    await client.#connect(url, settings);
    return client;
  }

  /** Plays by WHEP: what comes is told by `onRtp`. Resolves when media can flow. */
  static async play(
    url: string,
    settings: WeriftSettings & Partial<Pick<WeriftClient, 'onRtp'>>,
  ): Promise<WeriftClient> {
    const client = new WeriftClient(settings);
    client.onRtp = settings.onRtp ?? client.onRtp;
    client.pc.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe((packet) => client.onRtp(track.kind as 'video' | 'audio', packet));
    });
    client.pc.addTransceiver('video', { direction: 'recvonly' });
    if (settings.audio !== false) client.pc.addTransceiver('audio', { direction: 'recvonly' });
    await client.#connect(url, settings);
    return client;
  }

  /** A UDP port on loopback: each RTP packet that comes to it goes out as one of ours, under our numbers. */
  async feed(kind: 'video' | 'audio'): Promise<number> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    this.#sockets.push(socket);
    const track = this.tracks.get(kind);
    socket.on('message', (bytes) => {
      const isControl = ((bytes[1] ?? 0) & 0x7f) >= 64 && ((bytes[1] ?? 0) & 0x7f) <= 95 && (bytes[1] ?? 0) >= 192;
      if (!isControl) track?.writeRtp(bytes);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return socket.address().port;
  }

  /** Leaves by DELETE. */
  async end(): Promise<void> {
    await fetch(this.resource, { method: 'DELETE' });
    await this.close();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.splice(0)) socket.close();
    await this.pc.close();
  }

  async #connect(url: string, { rewrite = (answer) => answer }: WeriftSettings): Promise<void> {
    await this.pc.setLocalDescription(await this.pc.createOffer());
    const body = this.pc.localDescription?.sdp ?? '';
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/sdp' }, body });
    this.answer = await response.text();
    if (response.status !== 201) {
      await this.pc.close();
      throw new Error(`${response.status} ${this.answer}`);
    }
    this.resource = new URL(response.headers.get('location') ?? '', url).href;
    await this.pc.setRemoteDescription({ type: 'answer', sdp: rewrite(this.answer) });
    if (this.pc.connectionState !== 'connected') {
      await this.pc.connectionStateChange.watch((state) => state === 'connected', 15_000);
    }
  }
}
