import assert from 'node:assert/strict';
import type { LocalPeer } from '../../modules/rtp/contract.ts';
import { findAttribute } from '../../wire/sdp/attributes.ts';
import { readSdp } from '../../wire/sdp/description.ts';
import { IcePeer } from './ice-peer.ts';

/** Payload types of the test peer's offers. */
export const peerTypes = { video: 96, audio: 111 } as const;

/** RFC 7675 5.1: consent is asked for again and again. */
const consentInterval = 1_000;

/** The least client of WHIP and WHEP: one POST, one candidate of the answer, packets in the clear on this side. */
export class WebRtcTestPeer {
  readonly ice: IcePeer;
  readonly answer: string;
  readonly resource: string;
  /** Resolves when the other end has said goodbye, or this one has gone. */
  readonly closed: Promise<void>;
  readonly #consent: NodeJS.Timeout;
  readonly #close: () => void;

  private constructor(ice: IcePeer, answer: string, resource: string) {
    this.ice = ice;
    this.answer = answer;
    this.resource = resource;
    let close: () => void = () => undefined;
    this.closed = new Promise((resolve) => {
      close = resolve;
    });
    this.#close = close;
    this.#consent = setInterval(() => void ice.check(), consentInterval);
    ice.onEnd = () => this.vanish();
  }

  /**
   * Publishes at `/whip/` or plays at `/whep/`. Rejects with status and problem. `listen` is called before media can flow, which
   * it can when this resolves.
   */
  static async connect(url: string, protocol: 'udp' | 'tcp', listen?: (ice: IcePeer) => void): Promise<WebRtcTestPeer> {
    const ice = await IcePeer.make();
    const body = offer(ice, url.includes('/whip/') ? 'sendonly' : 'recvonly');
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/sdp' }, body });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${text}`);
    listen?.(ice);
    await ice.connect(readAnswer(text), protocol);
    return new WebRtcTestPeer(ice, text, new URL(response.headers.get('location') ?? '', url).href);
  }

  /** Ends by DELETE. */
  async leave(): Promise<void> {
    await fetch(this.resource, { method: 'DELETE' });
    this.vanish();
  }

  /** Says goodbye in DTLS, and no more. */
  hangUp(): void {
    this.ice.hangUp();
    this.vanish();
  }

  /** Sends what it is told to, and asks for consent no more. */
  forgetConsent(): void {
    clearInterval(this.#consent);
  }

  /** Goes without a word. */
  vanish(): void {
    clearInterval(this.#consent);
    this.ice.close();
    this.#close();
  }
}

function offer({ remote }: IcePeer, direction: string): string {
  const fingerprint = remote.fingerprints.map(({ hash, value }) => `${hash} ${value}`).join();
  const transport = [
    ...[`a=ice-ufrag:${remote.ufrag}`, `a=ice-pwd:${remote.password}`, `a=fingerprint:${fingerprint}`],
    ...[`a=setup:${remote.setup}`, 'a=rtcp-mux', `a=${direction}`],
  ];
  const { video, audio } = peerTypes;
  return [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE v a'],
    ...[`m=video 9 UDP/TLS/RTP/SAVPF ${video}`, 'a=mid:v', ...transport, `a=rtpmap:${video} H264/90000`],
    `a=fmtp:${video} packetization-mode=1;profile-level-id=42e01f`,
    ...['goog-remb', 'nack pli', 'ccm fir'].map((value) => `a=rtcp-fb:${video} ${value}`),
    ...[`m=audio 9 UDP/TLS/RTP/SAVPF ${audio}`, 'a=mid:a', ...transport, `a=rtpmap:${audio} opus/48000/2`],
    '',
  ].join('\r\n');
}

function readAnswer(answer: string): LocalPeer {
  const media = readSdp(answer).media.find(({ port }) => port !== 0);
  assert.ok(media !== undefined, answer);
  const read = (name: string): string => findAttribute(media, name) ?? '';
  const [hash = '', value = ''] = read('fingerprint').split(' ');
  return {
    ufrag: read('ice-ufrag'),
    password: read('ice-pwd'),
    fingerprint: { hash, value },
    setup: read('setup') === 'active' ? 'active' : 'passive',
    candidates: [...answer.matchAll(/^a=candidate:([^\r]+)/gm)].map(([, candidate = '']) => candidate),
    address: '127.0.0.1',
    port: media.port,
  };
}
