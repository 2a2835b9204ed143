import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserPage, LaunchedBrowser } from './browser-page.ts';
import { launchChromiumPeer } from './chromium.ts';
import { paintedScript } from './painted-source.ts';

/** What the page tells of one of its peer connections. */
export interface BrowserPeerState {
  readonly connection: string;
  /** Of a viewer: the picture that is shown. */
  readonly width: number;
  readonly height: number;
  readonly currentTime: number;
  /** Of a viewer decoded, of a publisher encoded. */
  readonly frames: number;
  readonly freezes: number;
  readonly packetsLost: number;
  readonly nacks: number;
  readonly keyframes: number;
  /** Sound that was heard, in squares of the full amplitude times seconds. */
  readonly audioEnergy: number;
  readonly audioPackets: number;
  /** Mime types of what goes over the wire. */
  readonly videoCodec: string | undefined;
  readonly audioCodec: string | undefined;
  /** Packets that were sent again: of a viewer those it got, of a publisher those it sent. */
  readonly retransmitted: number;
  /** Of the pair in use: udp or tcp. */
  readonly protocol: string | undefined;
  readonly resource: string;
}

export interface BrowserOffer {
  /** `video/VP8`: the only video codec of the offer. */
  readonly codec?: string;
  /** Whether a viewer with such a codec offers RTX (RFC 4588) as well; it does unless told. */
  readonly rtx?: boolean;
  readonly audio?: boolean;
  readonly video?: boolean;
  /** A painted picture and a tone in the camera's place. */
  readonly painted?: boolean;
  /** Opens a data channel, which is refused. */
  readonly data?: boolean;
  readonly token?: string;
  /** Layers of simulcast, by rid. */
  readonly rids?: readonly string[];
  /** A port on 127.0.0.1 that stands between: the only candidate of the answer. */
  readonly relay?: number;
  /** Candidates of UDP are taken out of the answer. */
  readonly onlyTcp?: boolean;
}

const script = `
const peers = new Map();
let last = 0;
function prefer(transceiver, kind, capabilities, rtx = true) {
  if (!kind) return;
  const wanted = capabilities.codecs.filter(({ mimeType }) => mimeType === kind || (rtx && /rtx$/.test(mimeType)));
  transceiver.setCodecPreferences(wanted);
}
function rewrite(answer, { relay, onlyTcp }) {
  const lines = answer.split('\\r\\n');
  const isUdp = (line) => /^a=candidate:\\S+ 1 udp /.test(line);
  if (onlyTcp) return lines.filter((line) => !isUdp(line)).join('\\r\\n');
  if (!relay) return answer;
  return lines.filter((line) => !line.startsWith('a=candidate:') || isUdp(line))
    .map((line) => line.replace(/^(a=candidate:\\S+ 1 udp \\d+) \\S+ \\d+/, '$1 127.0.0.1 ' + relay)).join('\\r\\n');
}
async function exchange(pc, url, { token, ...change }) {
  await pc.setLocalDescription();
  const headers = { 'content-type': 'application/sdp', ...(token ? { authorization: 'Bearer ' + token } : {}) };
  const response = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
  const text = await response.text();
  if (response.status !== 201) throw new Error(response.status + ' ' + text);
  const answer = rewrite(text, change);
  await pc.setRemoteDescription({ type: 'answer', sdp: answer });
  return { url: new URL(response.headers.get('location'), url).href, etag: response.headers.get('etag'), answer };
}
function keep(peer) {
  last += 1;
  peers.set(last, peer);
  return last;
}
async function publish(url, { codec, audio = true, video = true, rids, painted, ...rest } = {}) {
  const pc = new RTCPeerConnection();
  const painter = painted && paint();
  const media = painter?.stream ?? await navigator.mediaDevices.getUserMedia({ audio, video: video && { width: 640, height: 480 } });
  for (const track of media.getTracks()) {
    const sendEncodings = track.kind === 'video' && rids
      ? rids.map((rid, index) => ({ rid, scaleResolutionDownBy: 2 ** (rids.length - 1 - index) })) : [{}];
    const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [media], sendEncodings });
    if (track.kind === 'video') prefer(transceiver, codec, RTCRtpSender.getCapabilities('video'));
  }
  return keep({ pc, media, painter, ...(await exchange(pc, url, rest)) });
}
async function play(url, { codec, rtx, audio = true, video = true, data = false, ...rest } = {}) {
  const pc = new RTCPeerConnection();
  const element = document.createElement('video');
  element.autoplay = true;
  element.playsInline = true;
  document.body.append(element);
  pc.ontrack = ({ streams }) => { element.srcObject = streams[0]; };
  if (video) prefer(pc.addTransceiver('video', { direction: 'recvonly' }), codec, RTCRtpReceiver.getCapabilities('video'), rtx);
  if (audio) pc.addTransceiver('audio', { direction: 'recvonly' });
  if (data) pc.createDataChannel('words');
  return keep({ pc, element, ...(await exchange(pc, url, rest)) });
}
async function restart(id) {
  const peer = peers.get(id);
  peer.pc.restartIce();
  await peer.pc.setLocalDescription();
  const offer = peer.pc.localDescription.sdp;
  const pick = (name) => new RegExp('^a=' + name + ':.*$', 'm').exec(offer)[0];
  const body = [pick('ice-ufrag'), pick('ice-pwd')].join('\\r\\n') + '\\r\\n';
  const headers = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' };
  const response = await fetch(peer.url, { method: 'PATCH', headers, body });
  const text = await response.text();
  if (response.status !== 200) throw new Error(response.status + ' ' + text);
  const told = (name) => new RegExp('^a=' + name + ':.*$', 'm').exec(text)[0].trim();
  peer.answer = peer.answer.replace(/^a=ice-ufrag:.*$/gm, told('ice-ufrag') + '\\r').replace(/^a=ice-pwd:.*$/gm, told('ice-pwd') + '\\r').replace(/\\r\\r/g, '\\r');
  await peer.pc.setRemoteDescription({ type: 'answer', sdp: peer.answer });
}
async function end(id, politely = true) {
  const peer = peers.get(id);
  peers.delete(id);
  if (politely) await fetch(peer.url, { method: 'DELETE' });
  peer.pc.close();
  for (const track of peer.media?.getTracks() ?? []) track.stop();
  await peer.painter?.stop();
  peer.element?.remove();
}
async function state(id) {
  const { pc, element, url } = peers.get(id);
  const told = { connection: pc.connectionState, width: element?.videoWidth ?? 0, height: element?.videoHeight ?? 0,
    currentTime: element?.currentTime ?? 0, frames: 0, freezes: 0, packetsLost: 0, nacks: 0, keyframes: 0,
    audioEnergy: 0, audioPackets: 0, retransmitted: 0, resource: url };
  const stats = await pc.getStats();
  for (const entry of stats.values()) {
    if (entry.type === 'transport') {
      const pair = stats.get(entry.selectedCandidatePairId);
      told.protocol = stats.get(pair?.localCandidateId)?.protocol;
    }
    if (entry.type !== 'inbound-rtp' && entry.type !== 'outbound-rtp') continue;
    const codec = stats.get(entry.codecId)?.mimeType;
    if (entry.kind === 'video') {
      told.videoCodec = codec ?? told.videoCodec;
      told.frames += entry.framesDecoded ?? entry.framesEncoded ?? 0;
      told.freezes += entry.freezeCount ?? 0;
      told.nacks += entry.nackCount ?? 0;
      told.keyframes += entry.keyFramesDecoded ?? entry.keyFramesEncoded ?? 0;
    } else {
      told.audioCodec = codec ?? told.audioCodec;
      told.audioEnergy += entry.totalAudioEnergy ?? 0;
      told.audioPackets += entry.packetsReceived ?? entry.packetsSent ?? 0;
    }
    told.retransmitted += entry.retransmittedPacketsReceived ?? entry.retransmittedPacketsSent ?? 0;
    told.packetsLost += entry.packetsLost ?? 0;
  }
  return told;
}
`;

/** A browser with a fake camera on a page of another origin than the server's. */
export class WebRtcBrowser {
  readonly #browser: LaunchedBrowser;
  readonly #server: Server;
  readonly page: BrowserPage;

  private constructor(browser: LaunchedBrowser, server: Server, page: BrowserPage) {
    this.#browser = browser;
    this.#server = server;
    this.page = page;
  }

  static async start(launch = launchChromiumPeer): Promise<WebRtcBrowser> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><body><script>${paintedScript}${script}</script>`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await launch();
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return new WebRtcBrowser(browser, server, page);
  }

  /** Publishes the fake camera by WHIP; gives the number of the peer. Rejects with status and problem. */
  publish(url: string, offer: BrowserOffer = {}): Promise<number> {
    return this.page.evaluate(`publish(${JSON.stringify(url)}, ${JSON.stringify(offer)})`);
  }

  /** Plays by WHEP. */
  play(url: string, offer: BrowserOffer = {}): Promise<number> {
    return this.page.evaluate(`play(${JSON.stringify(url)}, ${JSON.stringify(offer)})`);
  }

  /** The server's answer, as the page took it. */
  answer(peer: number): Promise<string> {
    return this.page.evaluate(`peers.get(${peer}).answer`);
  }

  state(peer: number): Promise<BrowserPeerState> {
    return this.page.evaluate(`state(${peer})`);
  }

  /** Waits until the state of a peer is as wished; rejects after `seconds`, with the state as it is. */
  async waitFor(peer: number, holds: (state: BrowserPeerState) => boolean, seconds = 20): Promise<BrowserPeerState> {
    const until = performance.now() + seconds * 1_000;
    for (;;) {
      const state = await this.state(peer);
      if (holds(state)) return state;
      if (performance.now() > until) throw new Error(`never came about: ${JSON.stringify(state)}`);
      await this.page.waitForTimeout(100);
    }
  }

  /** What a viewer shows in the middle of each quarter, line by line: red, green and blue. */
  colours(peer: number): Promise<readonly (readonly [number, number, number])[]> {
    return this.page.evaluate(`colours(peers.get(${peer}).element)`);
  }

  /** The loudest tone that a viewer is sent, Hz; within 6 Hz. */
  pitch(peer: number): Promise<number> {
    return this.page.evaluate(`pitch(peers.get(${peer}).element.srcObject)`);
  }

  /** Restarts ICE by PATCH. */
  restart(peer: number): Promise<void> {
    return this.page.evaluate(`restart(${peer})`);
  }

  /** Ends a peer, by DELETE or without a word. */
  end(peer: number, politely = true): Promise<void> {
    return this.page.evaluate(`end(${peer}, ${politely})`);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
