import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import type { Tls } from '../../../../core/config/schema.ts';
import { isError } from '../../../../core/errors.ts';
import { Scope } from '../../../../core/lifecycle/scope.ts';
import { silentLog } from '../../../../core/observe/log.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { seconds } from '../../../../core/time/micros.ts';
import { CertificateStore, namesOfHost } from '../../../../core/tls/certificates.ts';
import { makeSelfMade } from '../../../../core/tls/self-made-certificate.ts';

const selfSigned: Tls = { selfSigned: true };
const now = Date.UTC(2026, 0, 1);
const day = 86_400;

describe('makeSelfMade', () => {
  it('makes a P-256 certificate that names what was asked for and fits its key', async () => {
    const names = ['localhost', 'media.example', '127.0.0.1', '192.168.7.9', '::1', '2001:db8::17'];
    const { cert, key } = await makeSelfMade({ names, now, days: 365 });
    const leaf = new X509Certificate(cert);
    assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.equal(leaf.ca, false);
    assert.ok(leaf.verify(leaf.publicKey), 'its signature holds');
    for (const name of ['localhost', 'media.example']) assert.equal(leaf.checkHost(name), name);
    for (const address of ['127.0.0.1', '192.168.7.9', '::1', '2001:db8::17'])
      assert.equal(leaf.checkIP(address), address);
    assert.equal(leaf.checkHost('other.example'), undefined);
    assert.equal(Date.parse(leaf.validTo), now + 365 * day * 1_000);
    assert.match(leaf.subject, /CN=localhost/);
    assert.match(key, /BEGIN PRIVATE KEY/);
  });

  it('writes years from 2050 on as GeneralizedTime', async () => {
    const { cert } = await makeSelfMade({ names: ['localhost'], now: Date.UTC(2049, 11, 1), days: 365 });
    assert.match(new X509Certificate(cert).validTo, /2050/);
  });
});

describe('CertificateStore', () => {
  let folder: string;
  let clock: ManualClock;
  let scope: Scope;

  const open = (options: { folder?: string; names?: readonly string[] } = {}) =>
    new CertificateStore(
      { folder: options.folder ?? folder, names: options.names ?? ['localhost', '127.0.0.1'] },
      { clock, log: silentLog },
    );

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-tls-'));
    clock = new ManualClock(0, now * 1_000);
    scope = Scope.root('test');
  });
  afterEach(async () => {
    await scope.close({ code: 'done' });
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps the self-made certificate for the next start, its key readable by the owner alone', async () => {
    const [first, same] = await Promise.all([open().load(selfSigned), open({}).load(selfSigned)]);
    assert.ok(first.selfMade && same.selfMade);
    const again = await open().load(selfSigned);
    assert.equal(again.cert, await readFile(join(folder, 'self-made.crt'), 'utf8'));
    assert.equal((await stat(join(folder, 'self-made.key'))).mode & 0o777, 0o600);
  });

  it('makes one certificate for all who ask at once', async () => {
    const store = open();
    const certificates = await Promise.all([store.load(selfSigned), store.load(selfSigned), store.load(selfSigned)]);
    assert.equal(new Set(certificates.map(({ cert }) => cert)).size, 1);
  });

  it('makes a new one when a name is missing, when it nears its end, and when the file is broken', async () => {
    const { cert } = await open().load(selfSigned);
    const widened = await open({ names: ['localhost', '127.0.0.1', '10.1.2.3'] }).load(selfSigned);
    assert.notEqual(widened.cert, cert);
    clock.stepWall(seconds(340 * day));
    const renewed = await open().load(selfSigned);
    assert.notEqual(renewed.cert, widened.cert);
    await writeFile(join(folder, 'self-made.crt'), 'not PEM');
    assert.notEqual((await open().load(selfSigned)).cert, renewed.cert);
  });

  it('serves TLS, and takes a changed file while it runs', async () => {
    const paths = { certificate: join(folder, 'own.crt'), key: join(folder, 'own.key') };
    const write = async (name: string): Promise<string> => {
      const made = await makeSelfMade({ names: [name], now: Date.now(), days: 30 });
      await Promise.all([writeFile(paths.certificate, made.cert), writeFile(paths.key, made.key)]);
      return new X509Certificate(made.cert).fingerprint256;
    };
    const before = await write('before.example');
    const server = createServer((socket) => socket.end());
    scope.defer(() => void server.close());
    await open().serve({ ...paths, selfSigned: false }, server, scope);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    assert.equal(await fingerprintAt(port), before);
    const after = await write('after.example');
    for (let tries = 0; tries < 200 && (await fingerprintAt(port)) !== after; tries += 1) {
      await clock.advanceSettling(seconds(10), seconds(1));
    }
    assert.equal(await fingerprintAt(port), after);
  });

  it('names the file that is to blame', async () => {
    const own = await makeSelfMade({ names: ['a.example'], now, days: 30 });
    const other = await makeSelfMade({ names: ['b.example'], now, days: 30 });
    const certificate = join(folder, 'own.crt');
    const key = join(folder, 'own.key');
    await writeFile(certificate, own.cert);
    await writeFile(key, other.key);
    const blames = (path: string) => (error: unknown) =>
      isError(error, 'certificate-unusable') && error.detail.file === path;
    await assert.rejects(open().load({ certificate, key, selfSigned: false }), blames(certificate));
    await assert.rejects(open().load({ certificate, selfSigned: false }), blames(certificate));
    await assert.rejects(
      open().load({ certificate, key: join(folder, 'none'), selfSigned: false }),
      blames(join(folder, 'none')),
    );
  });

  it('works from memory where nothing can be stored', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const { cert } = await open({ folder: join(file, 'below') }).load(selfSigned);
    assert.match(cert, /BEGIN CERTIFICATE/);
  });

  it('offers nothing when neither a file nor a self-made one is wanted', () => {
    assert.equal(open().offers({ selfSigned: false }), false);
    assert.equal(open().offers(selfSigned), true);
  });

  it('names the host by loopback, name and addresses', () => {
    const names = namesOfHost();
    for (const name of ['localhost', '127.0.0.1', '::1']) assert.ok(names.includes(name));
  });
});

function fingerprintAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
