import assert from 'node:assert/strict';
import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { type DtlsIdentity, findFingerprint, fingerprintOf, fingerprintText } from '../../wire/dtls/certificate.ts';
import { DtlsConnection } from '../../wire/dtls/connection.ts';
import { classifyDatagram } from '../../wire/rtp/packet.ts';
import type { SrtpReceiver } from '../../wire/srtp/contract.ts';
import { nodeSrtp } from '../../wire/srtp/node-srtp.ts';
import { srtpProfiles } from '../../wire/srtp/profile.ts';
import { StunAttribute } from '../../wire/stun/attributes.ts';
import { checkFingerprint, checkIntegrity, shortTermKey } from '../../wire/stun/integrity.ts';
import { readStunMessage, StunMessage } from '../../wire/stun/message.ts';
import { StunWriter } from '../../wire/stun/writer.ts';
import { launchChromium } from '../support/chromium.ts';
import { makeIdentity } from '../vectors/dtls/association.ts';

/** A page that sends a tone, and nothing else. */
const page = `<!doctype html><script>
async function offer() {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const out = audio.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  window.peer = new RTCPeerConnection();
  peer.addTrack(out.stream.getAudioTracks()[0], out.stream);
  await peer.setLocalDescription(await peer.createOffer());
  return peer.localDescription.sdp;
}
</script>`;

/** The least WebRTC server: one peer, ICE-lite, DTLS in either role, and packets that are opened and counted. */
class Listener {
  readonly connection: DtlsConnection;
  readonly opened = { rtp: 0, rtcp: 0 };
  receiver: SrtpReceiver | undefined;
  failure: string | undefined;
  profile: string | undefined;
  readonly #socket: Socket;
  readonly #password: string;
  #isStarted = false;

  constructor(socket: Socket, password: string, connection: DtlsConnection) {
    this.connection = connection;
    this.#socket = socket;
    this.#password = password;
    socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
      const kind = classifyDatagram(bytes);
      if (kind === 'stun') this.#answer(bytes, from);
      else if (kind === 'dtls') this.connection.receive(bytes, now());
      else if (kind === 'rtp' && (this.receiver?.unprotectRtp(bytes) ?? -1) > 0) this.opened.rtp += 1;
      else if (kind === 'rtcp' && (this.receiver?.unprotectRtcp(bytes) ?? -1) > 0) this.opened.rtcp += 1;
      this.#flush(from);
    });
  }

  #answer(bytes: Buffer, from: RemoteInfo): void {
    const message = new StunMessage();
    const key = shortTermKey(this.#password);
    assert.ok(readStunMessage(bytes, message));
    assert.equal(checkIntegrity(message, key), 'good');
    assert.equal(checkFingerprint(message), 'good');
    assert.ok(message.findTieBreaker(StunAttribute.iceControlling) !== undefined);
    const answer = new StunWriter('success', message.method, message.transaction)
      .xorAddress(StunAttribute.xorMappedAddress, from)
      .integrity(key)
      .fingerprint()
      .finish();
    this.#socket.send(answer, from.port, from.address);
    if (!this.#isStarted) this.connection.start(now());
    this.#isStarted = true;
  }

  #flush(from: RemoteInfo): void {
    this.connection.tick(now());
    for (const bytes of this.connection.takeDatagrams()) this.#socket.send(bytes, from.port, from.address);
    for (const event of this.connection.takeEvents()) {
      if (event.kind === 'connected' && event.srtp !== undefined) {
        this.profile = event.srtp.receive.profile.name;
        this.receiver = nodeSrtp.openReceiver(event.srtp.receive);
      } else if (event.kind === 'failed') this.failure = event.text;
    }
  }
}

function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Enough of an answer (RFC 8829 5.3) for one audio section. */
function answerTo(
  offer: string,
  ours: { identity: DtlsIdentity; setup: string; port: number; password: string },
): string {
  const [, mid = ''] = /^a=mid:(\S+)/m.exec(offer) ?? [];
  return [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=ice-lite', `a=group:BUNDLE ${mid}`],
    ...[`m=audio ${ours.port} UDP/TLS/RTP/SAVPF 111`, 'c=IN IP4 127.0.0.1', `a=mid:${mid}`, 'a=recvonly', 'a=rtcp-mux'],
    ...['a=rtpmap:111 opus/48000/2', 'a=ice-ufrag:ours', `a=ice-pwd:${ours.password}`, `a=setup:${ours.setup}`],
    `a=fingerprint:${fingerprintText(fingerprintOf(ours.identity.certificate))}`,
    `a=candidate:1 1 udp 2130706431 127.0.0.1 ${ours.port} typ host`,
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}

describe('STUN, DTLS and SRTP with Chromium', function () {
  this.timeout(60_000);
  let browser: Browser;
  let server: Server;
  let identity: DtlsIdentity;

  before(async () => {
    identity = await makeIdentity('switchyard');
    server = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(page);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    browser = await launchChromium({ peers: true });
  });

  after(async () => {
    await browser.close();
    server.close();
  });

  for (const [role, setup, profile] of [
    ['server', 'passive', 'AEAD_AES_128_GCM'],
    // The server of DTLS chooses, and Chromium prefers the older one.
    ['client', 'active', 'AES_CM_128_HMAC_SHA1_80'],
  ] as const) {
    it(`opens its packets, with us as the ${role} of DTLS`, async () => {
      const tab = await browser.newPage();
      await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      const offer = await tab.evaluate<string>('offer()');
      const fingerprint = findFingerprint(/^a=fingerprint:(.+?)\r?$/m.exec(offer)?.[1] ?? '');
      assert.ok(fingerprint);
      const socket = createSocket('udp4');
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      const password = randomBytes(18).toString('base64');
      const connection = new DtlsConnection({
        role,
        identity,
        peerFingerprints: [fingerprint],
        srtpProfiles,
        random: randomBytes,
      });
      const listener = new Listener(socket, password, connection);
      const answer = answerTo(offer, { identity, setup, port: socket.address().port, password });
      await tab.evaluate(`peer.setRemoteDescription(${JSON.stringify({ type: 'answer', sdp: answer })})`);
      while (listener.opened.rtp < 50 || listener.opened.rtcp < 1) {
        assert.equal(listener.failure, undefined);
        await once(socket, 'message');
      }
      assert.equal(await tab.evaluate('peer.connectionState'), 'connected');
      assert.equal(listener.profile, profile);
      assert.equal(listener.receiver?.refused.forged, 0);
      await tab.close();
      socket.close();
    });
  }
});
