import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readdirSync } from 'node:fs';
import { noCredentials } from '../../core/access/access-control.ts';
import { opusCodec } from '../../core/media/codecs/opus.ts';
import { silentLog } from '../../core/observe/log.ts';
import { createServer, type Server } from '../../core/server.ts';
import { httpModule } from '../../modules/http/index.ts';
import { rtpModule } from '../../modules/rtp/index.ts';
import { webrtcModule } from '../../modules/webrtc/index.ts';
import type { DtlsIdentity } from '../../wire/dtls/certificate.ts';
import { rtpHeaderLength, writeRtpHeader } from '../../wire/rtp/packet.ts';
import { conformanceH264, frameMillis, NumberedSource, numberedNal } from '../conformance/numbered-media.ts';
import { eventually } from '../conformance/suite.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { LightPeer, lightTypes } from '../support/light-peer.ts';
import { makeIdentity } from '../vectors/dtls/association.ts';

/** Peers that come and go; by hand: SOAK_PEERS=20000 npm run soak. */
const visits = Number(process.env['SOAK_PEERS'] ?? 1_000);
/** Before the base line is taken. */
const warming = 150;
const together = 40;
/** What the warm-up left to the garbage collector's taste and the compiler's. */
const mostGrowth = 6_000_000;

type Visit = (number: number) => Promise<void>;

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}

/** A peer that the server gave up waits for ever. */
function within(what: string, step: Promise<void>): Promise<void> {
  return Promise.race([step, pause(8_000).then(() => Promise.reject(new Error(`never came: ${what}`)))]);
}

describe('Soak: browsers come and go', () => {
  let server: Server;
  let origin: string;
  let identity: DtlsIdentity;
  let stranger: DtlsIdentity;
  let source: NumberedSource;
  const peers = new Set<LightPeer>();
  const timers: NodeJS.Timeout[] = [];
  const cut: unknown[] = [];
  let opened = 0;

  before(async () => {
    server = createServer({
      modules: [rtpModule, httpModule, webrtcModule] as Parameters<typeof createServer>[0]['modules'],
      config: {
        rtp: { peers: { addresses: ['127.0.0.1'], timeout: '2s', keepAlive: '5s' } },
        http: { listen: { host: '127.0.0.1', port: 0 }, secure: { enabled: false }, limits: { keepAlive: '1s' } },
        streams: { reconnectGrace: '200ms', drain: '1s' },
        webrtc: { mediaTimeout: '2s' },
      },
      log: silentLog,
    });
    await server.start();
    origin = (server.urls().find(({ url }) => url.startsWith('http://'))?.url ?? '')
      .replace('HOST', '127.0.0.1')
      .replace(/\/$/, '');
    [identity, stranger] = await Promise.all([makeIdentity('one'), makeIdentity('other')]);
    const { core } = server;
    const session = core.sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', agent: '', parent: core.scope });
    const publication = await core.streams.publish({
      ...{ name: 'live', session, credentials: noCredentials },
      ...{ onConflict: 'refuse', expects: ['video', 'audio'] },
    });
    source = new NumberedSource(publication, 2_000, opusCodec({ channels: 2 }));
    timers.push(
      setInterval(() => source.write(1), frameMillis),
      setInterval(() => {
        for (const peer of peers) peer.tick();
      }, 10),
    );
  });

  after(async () => {
    for (const timer of timers) clearInterval(timer);
    await server.stop();
    assert.equal(server.core.scope.openScopes, 0);
  });

  async function withPeer(shown: DtlsIdentity, visit: (peer: LightPeer) => Promise<void>): Promise<void> {
    // The system soon gives a port again that a peer has vanished from, and a way is that peer's for some seconds more.
    opened += 1;
    const peer = await LightPeer.open(shown, `127.1.${(opened >> 8) & 0xff}.${opened & 0xff}`);
    peers.add(peer);
    try {
      await visit(peer);
    } finally {
      peers.delete(peer);
      peer.close();
    }
  }

  /** Connects and gets some packets. */
  async function watch(peer: LightPeer): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      let packets = 0;
      peer.onRtp = () => {
        packets += 1;
        if (packets === 20) resolve();
      };
    });
    await peer.signal(`${origin}/whep/live`, 'recvonly');
    peer.start();
    await within('packets', enough);
  }

  /** Connects and sends two groups of pictures. */
  async function publish(peer: LightPeer, name: string): Promise<void> {
    await peer.signal(`${origin}/whip/${name}`, 'sendonly');
    peer.start();
    await within('keys of a publisher', peer.connected);
    for (let picture = 0; picture < 10; picture += 1) {
      const isKeyframe = picture % 5 === 0;
      const nals = [...(isKeyframe ? [...conformanceH264.sps, ...conformanceH264.pps] : [])];
      nals.push(numberedNal(picture, isKeyframe, 600));
      for (const [index, nal] of nals.entries()) {
        peer.sendRtp(rtp(picture * 3 + index, picture * 3_600, index === nals.length - 1, nal));
      }
    }
    await eventually('a publisher is live', () => server.core.streams.find(name) !== undefined);
  }

  const kinds: readonly (readonly [string, Visit])[] = [
    [
      'watches and leaves by DELETE',
      () => withPeer(identity, async (peer) => (await watch(peer), await peer.delete())),
    ],
    ['watches and says goodbye', () => withPeer(identity, async (peer) => (await watch(peer), peer.hangUp()))],
    ['watches and vanishes', () => withPeer(identity, watch)],
    ['vanishes before ICE', () => withPeer(identity, (peer) => peer.signal(`${origin}/whep/live`, 'recvonly'))],
    [
      'vanishes before DTLS',
      () =>
        withPeer(identity, async (peer) => {
          await peer.signal(`${origin}/whep/live`, 'recvonly');
          peer.startChecks();
          await within('an answer to a check', peer.checked);
        }),
    ],
    [
      'vanishes within DTLS',
      () =>
        withPeer(identity, async (peer) => {
          await peer.signal(`${origin}/whep/live`, 'recvonly');
          peer.start();
          await within('an answer to a check', peer.checked);
        }),
    ],
    [
      'shows another certificate',
      () =>
        withPeer(stranger, async (peer) => {
          peer.claim(identity);
          await peer.signal(`${origin}/whep/live`, 'recvonly');
          peer.start();
          await eventually('an impostor is cut', () => peer.ended);
        }),
    ],
    [
      'goes before it is answered',
      () =>
        withPeer(identity, async (peer) => {
          const abort = AbortSignal.timeout(2);
          // It is cut off in the middle: how far it came is chance.
          await peer.signal(`${origin}/whep/live`, 'recvonly', abort).catch(() => undefined);
        }),
    ],
    [
      'asks for what is not there',
      () => withPeer(identity, (peer) => assert.rejects(peer.signal(`${origin}/whep/nothing`, 'recvonly'), /404/)),
    ],
    [
      'publishes, is watched, and leaves by DELETE',
      (number) =>
        withPeer(identity, async (peer) => {
          await publish(peer, `by-${number}`);
          await withPeer(identity, async (viewer) => {
            await viewer.signal(`${origin}/whep/by-${number}`, 'recvonly');
            viewer.start();
            await within('keys of a viewer', viewer.connected);
            await peer.delete();
            await eventually('the viewer hears of it', () => viewer.ended);
          });
        }),
    ],
    [
      'publishes and says goodbye',
      (number) => withPeer(identity, async (peer) => (await publish(peer, `by-${number}`), peer.hangUp())),
    ],
    ['publishes and vanishes', (number) => withPeer(identity, (peer) => publish(peer, `by-${number}`))],
  ];

  /** `count` visits of all kinds in turn, many at a time; then nobody is left. */
  async function churn(first: number, count: number): Promise<void> {
    let next = first;
    const come = async (): Promise<void> => {
      while (next < first + count) {
        const number = next;
        next += 1;
        const [, visit] = kinds[number % kinds.length] ?? [];
        // A loop that is busy for seconds cuts some visits short: they count, and leave nothing behind either.
        await visit?.(number).catch((error: unknown) => cut.push(error));
      }
    };
    await Promise.all(Array.from({ length: together }, come));
    const { core } = server;
    await eventually('the visitors are gone', () => core.sessions.count() === 1 && core.streams.count === 1, 20);
  }

  it(`leaves nothing behind after ${visits} peers`, async function () {
    this.timeout(120_000 + visits * 100);
    const { scope } = server.core;
    await churn(0, warming);
    await pause(1_500); // connections of HTTP are kept for a second
    collectGarbage();
    const warm = {
      scopes: scope.openScopes,
      descriptors: openDescriptors(),
      heap: process.memoryUsage().heapUsed,
    };
    await churn(warming, visits);
    await eventually('scopes back at base line', () => scope.openScopes <= warm.scopes, 20);
    await eventually('descriptors back at base line', () => openDescriptors() <= warm.descriptors, 20);
    collectGarbage();
    const grown = process.memoryUsage().heapUsed - warm.heap;
    assert.ok(grown < mostGrowth, `the heap grew by ${(grown / 1e6).toFixed(1)} MB over ${visits} visits`);
    const { peers: left } = server.inspect().modules.find(({ module }) => module === 'rtp')?.detail as {
      peers: Record<string, unknown>;
    };
    assert.deepEqual([left['peers'], left['connected'], left['ufrags']], [0, 0, 0]);
    assert.ok(cut.length < visits / 50, `${cut.length} visits went wrong, the first by ${String(cut[0])}`);
    console.log(
      `      heap ${(grown / 1e6).toFixed(1)} MB more, ${cut.length} visits cut short${cut.length === 0 ? '' : `, the first by ${String(cut[0])}`}`,
    );
  });
});

function rtp(sequence: number, timestamp: number, marker: boolean, payload: Buffer): Buffer {
  const packet = Buffer.alloc(rtpHeaderLength + payload.length);
  const header = { marker, payloadType: lightTypes.video, sequence, timestamp, ssrc: 77 };
  payload.copy(packet, writeRtpHeader(packet, 0, header));
  return packet;
}
