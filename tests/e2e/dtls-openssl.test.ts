import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DtlsIdentity } from '../../wire/dtls/certificate.ts';
import { DtlsConnection, type DtlsEvent, type DtlsSettings } from '../../wire/dtls/connection.ts';
import { makeIdentity, makeRsaIdentity, settingsOf } from '../vectors/dtls/association.ts';

const label = 'EXTRACTOR-dtls_srtp';
const materialLength = 56;
const scratch = mkdtempSync(join(tmpdir(), 'switchyard-dtls-'));
const running = new Set<ChildProcess>();
const endpoints = new Set<Endpoint>();

/** Writes an identity as PEM files and gives openssl's arguments for it. */
function asArguments({ certificate, privateKey }: DtlsIdentity, name: string): string[] {
  const cert = join(scratch, `${name}.crt`);
  const key = join(scratch, `${name}.key`);
  writeFileSync(cert, new X509Certificate(certificate).toString());
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return ['-cert', cert, '-key', key];
}

/** What makes openssl forget RFC 7627. */
function withoutExtendedMasterSecret(): Record<string, string> {
  const path = join(scratch, 'old.cnf');
  const lines = ['openssl_conf = init', '[init]', 'ssl_conf = ssl', '[ssl]', 'system_default = tls', '[tls]'];
  writeFileSync(path, [...lines, 'Options = -ExtendedMasterSecret', ''].join('\n'));
  return { OPENSSL_CONF: path };
}

/** An openssl that runs, with all that it has said. */
class OpenSsl {
  readonly process: ChildProcess;
  said = '';
  #heard: () => void = () => undefined;

  constructor(args: readonly string[], environment: Record<string, string> = {}) {
    this.process = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    running.add(this.process);
    const listen = (bytes: Buffer): void => {
      this.said += bytes.toString('latin1');
      this.#heard();
    };
    this.process.stdout?.on('data', listen);
    this.process.stderr?.on('data', listen);
    this.process.once('exit', () => {
      running.delete(this.process);
      this.#heard();
    });
  }

  /** The match, once openssl has said it. */
  async hear(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.said);
      if (match !== null) return match;
      assert.equal(this.process.exitCode, null, `openssl ended without ${String(pattern)}:\n${this.said}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  say(text: string): void {
    this.process.stdin?.write(text);
  }

  async keyingMaterial(): Promise<string> {
    const [, material = ''] = await this.hear(/Keying material: ([0-9A-F]{112})/);
    return material.toLowerCase();
  }
}

/** Our side on a UDP socket of its own. */
class Endpoint {
  readonly connection: DtlsConnection;
  readonly events: DtlsEvent[] = [];
  readonly #socket: Socket;
  #peer: { address: string; port: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #changed: () => void = () => undefined;

  constructor(socket: Socket, settings: DtlsSettings, peerPort?: number) {
    this.#socket = socket;
    endpoints.add(this);
    this.connection = new DtlsConnection(settings);
    if (peerPort !== undefined) this.#peer = { address: '127.0.0.1', port: peerPort };
    socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
      this.#peer ??= from;
      this.connection.receive(bytes, now());
      this.flush();
    });
  }

  flush(): void {
    for (const bytes of this.connection.takeDatagrams()) {
      if (this.#peer !== undefined) this.#socket.send(bytes, this.#peer.port, this.#peer.address);
    }
    this.events.push(...this.connection.takeEvents());
    this.#changed();
    clearTimeout(this.#timer);
    const { nextTimeout } = this.connection;
    if (nextTimeout === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.connection.tick(now());
        this.flush();
      },
      Math.max(0, (nextTimeout - now()) / 1000),
    );
  }

  async until<K extends DtlsEvent['kind']>(kind: K): Promise<Extract<DtlsEvent, { kind: K }>> {
    for (;;) {
      const event = this.events.find((candidate) => candidate.kind === kind);
      if (event !== undefined) return event as Extract<DtlsEvent, { kind: K }>;
      const failed = this.events.find((candidate) => candidate.kind === 'failed');
      assert.equal(failed, undefined, `waited for ${kind}: ${JSON.stringify(failed)}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  close(): void {
    endpoints.delete(this);
    clearTimeout(this.#timer);
    this.#socket.close();
  }
}

function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

async function bind(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function askServer(identity: DtlsIdentity, args: readonly string[]): Promise<{ tls: OpenSsl; port: number }> {
  const tls = new OpenSsl([
    ...['s_server', '-dtls1_2', '-accept', '127.0.0.1:0', '-Verify', '1', '-keymatexport', label],
    ...['-keymatexportlen', String(materialLength), ...asArguments(identity, 'server'), ...args],
  ]);
  const [, port] = await tls.hear(/ACCEPT 127\.0\.0\.1:(\d+)/);
  return { tls, port: Number(port) };
}

function askClient(identity: DtlsIdentity, socket: Socket, args: readonly string[], old = false): OpenSsl {
  const { port } = socket.address();
  const all = [
    ...['s_client', '-dtls1_2', '-connect', `127.0.0.1:${port}`, '-keymatexport', label],
    ...['-keymatexportlen', String(materialLength), ...asArguments(identity, 'client'), ...args],
  ];
  return new OpenSsl(all, old ? withoutExtendedMasterSecret() : {});
}

const gcm = ['-use_srtp', 'SRTP_AEAD_AES_128_GCM'];
const counter = ['-use_srtp', 'SRTP_AES128_CM_SHA1_80'];

describe('DTLS with openssl', () => {
  let ours: DtlsIdentity;
  let theirs: DtlsIdentity;
  let rsa: DtlsIdentity;

  before(async () => {
    ours = await makeIdentity('ours');
    theirs = await makeIdentity('theirs');
    rsa = makeRsaIdentity();
  });

  afterEach(() => {
    for (const endpoint of endpoints) endpoint.close();
    for (const child of running) child.kill('SIGKILL');
  });

  after(() => rmSync(scratch, { recursive: true, force: true }));

  /** Both say something, and we hang up. */
  async function talk(tls: OpenSsl, endpoint: Endpoint): Promise<void> {
    assert.ok(endpoint.connection.send(Buffer.from('from switchyard\n')));
    endpoint.flush();
    await tls.hear(/from switchyard/);
    tls.say('from openssl\n');
    assert.equal((await endpoint.until('received')).bytes.toString(), 'from openssl\n');
    endpoint.connection.close();
    endpoint.flush();
  }

  for (const [title, args, profile, useRsa] of [
    ['AES-GCM for SRTP', gcm, 'AEAD_AES_128_GCM', false],
    ['AES-CM for SRTP', counter, 'AES_CM_128_HMAC_SHA1_80', false],
    [
      'our preference of the two',
      ['-use_srtp', 'SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM'],
      'AEAD_AES_128_GCM',
      false,
    ],
    ['an RSA certificate', gcm, 'AEAD_AES_128_GCM', true],
    ['AES-256 and SHA-384', [...gcm, '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384'], 'AEAD_AES_128_GCM', false],
    ['P-256', [...gcm, '-groups', 'P-256'], 'AEAD_AES_128_GCM', false],
    ['a small MTU', [...gcm, '-mtu', '300'], 'AEAD_AES_128_GCM', false],
  ] as const) {
    it(`as the server, ${title}`, async () => {
      const peer = useRsa ? rsa : theirs;
      const socket = await bind();
      const endpoint = new Endpoint(socket, settingsOf('server', ours, peer));
      const tls = askClient(peer, socket, args);
      const { srtp } = await endpoint.until('connected');
      assert.equal(srtp?.send.profile.name, profile);
      const expected = endpoint.connection.findKeyingMaterial(label, materialLength);
      assert.equal(await tls.keyingMaterial(), expected?.toString('hex'));
      await talk(tls, endpoint);
    });
  }

  it('as the server with an RSA certificate of our own', async () => {
    const socket = await bind();
    const endpoint = new Endpoint(socket, settingsOf('server', rsa, theirs));
    const tls = askClient(theirs, socket, gcm);
    await endpoint.until('connected');
    await talk(tls, endpoint);
  });

  it('as the server with cookies', async () => {
    const socket = await bind();
    const cookies = { secret: randomBytes(32), peer: 'loopback' };
    const endpoint = new Endpoint(socket, settingsOf('server', ours, theirs, { cookies }));
    const tls = askClient(theirs, socket, [...gcm, '-msg']);
    await endpoint.until('connected');
    // openssl does not name messages of DTLS: HelloVerifyRequest is type 3.
    await tls.hear(/\n {4}03 00 00 17/);
    await talk(tls, endpoint);
  });

  it('as the server that refuses to renegotiate', async () => {
    const socket = await bind();
    const endpoint = new Endpoint(socket, settingsOf('server', ours, theirs));
    const tls = askClient(theirs, socket, [...gcm, '-legacy_renegotiation']);
    await endpoint.until('connected');
    await tls.keyingMaterial();
    tls.say('R\n');
    await tls.hear(/no renegotiation|no_renegotiation/i);
    assert.equal(endpoint.connection.state === 'handshake', false);
  });

  it('as the server, without extended master secret only when that is allowed', async () => {
    const strict = await bind();
    const refusing = new Endpoint(strict, settingsOf('server', ours, theirs));
    askClient(theirs, strict, gcm, true);
    assert.equal((await refusing.until('failed')).reason, 'nothing-in-common');
    const lenient = await bind();
    const endpoint = new Endpoint(lenient, settingsOf('server', ours, theirs, { allowLegacyMasterSecret: true }));
    const tls = askClient(theirs, lenient, gcm, true);
    await endpoint.until('connected');
    const expected = endpoint.connection.findKeyingMaterial(label, materialLength);
    assert.equal(await tls.keyingMaterial(), expected?.toString('hex'));
    await talk(tls, endpoint);
  });

  for (const [title, args] of [
    ['a client without certificate', gcm],
    ['a client without SRTP', []],
    ['a client without AES-GCM', [...gcm, '-cipher', 'ECDHE-ECDSA-AES128-SHA']],
    ['a client that would do without encryption', [...gcm, '-cipher', 'NULL:@SECLEVEL=0']],
  ] as const) {
    it(`as the server that refuses ${title}`, async () => {
      const socket = await bind();
      const endpoint = new Endpoint(socket, settingsOf('server', ours, theirs));
      const { port } = socket.address();
      const identity = title.endsWith('certificate') ? [] : asArguments(theirs, 'client');
      new OpenSsl(['s_client', '-dtls1_2', '-connect', `127.0.0.1:${port}`, ...identity, ...args]);
      const { reason } = await endpoint.until('failed');
      assert.equal(reason, title.endsWith('certificate') ? 'not-mutual' : 'nothing-in-common');
      assert.equal(
        endpoint.events.some(({ kind }) => kind === 'connected'),
        false,
      );
    });
  }

  for (const [title, args, useRsa] of [
    ['AES-GCM for SRTP', gcm, false],
    ['AES-CM for SRTP', counter, false],
    ['an RSA certificate', gcm, true],
    ['a cookie', [...gcm, '-listen'], false],
    ['AES-256 and SHA-384', [...gcm, '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384'], false],
    ['P-256', [...gcm, '-groups', 'P-256'], false],
    ['a small MTU', [...gcm, '-mtu', '300'], false],
  ] as const) {
    it(`as the client, ${title}`, async () => {
      const peer = useRsa ? rsa : theirs;
      const { tls, port } = await askServer(peer, args);
      const endpoint = new Endpoint(await bind(), settingsOf('client', ours, peer), port);
      endpoint.connection.start(now());
      endpoint.flush();
      const { srtp } = await endpoint.until('connected');
      assert.equal(srtp?.send.profile.name, args[1] === counter[1] ? 'AES_CM_128_HMAC_SHA1_80' : 'AEAD_AES_128_GCM');
      const expected = endpoint.connection.findKeyingMaterial(label, materialLength);
      assert.equal(await tls.keyingMaterial(), expected?.toString('hex'));
      await talk(tls, endpoint);
    });
  }

  it('as the client that refuses another certificate than it was told of', async () => {
    const { port } = await askServer(theirs, gcm);
    const endpoint = new Endpoint(await bind(), settingsOf('client', ours, rsa), port);
    endpoint.connection.start(now());
    endpoint.flush();
    assert.equal((await endpoint.until('failed')).reason, 'fingerprint-mismatch');
  });
});
