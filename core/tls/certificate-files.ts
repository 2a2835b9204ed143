import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { describeError, SwitchyardError } from '../errors.ts';
import type { CertificateAndKey } from './self-made-certificate.ts';

/** Paths of two PEM files. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

export interface LoadedCertificate extends CertificateAndKey {
  /** What the leaf says of itself. */
  readonly leaf: X509Certificate;
}

/** Reads and checks a certificate chain and its key. Throws `certificate-unusable` with the file that is to blame. */
export async function loadCertificate(paths: CertificatePaths): Promise<LoadedCertificate> {
  const cert = await readPem(paths.certificate);
  const key = await readPem(paths.key);
  const leaf = attempt(paths.certificate, 'it holds no PEM certificate', () => new X509Certificate(cert));
  const secret = attempt(paths.key, 'it holds no unencrypted PEM private key', () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(secret)) {
    throw unusable(paths.certificate, `the key in ${paths.key} belongs to another certificate`);
  }
  attempt(paths.certificate, 'OpenSSL does not take it', () => createSecureContext({ cert, key }));
  return { cert, key, leaf };
}

/** Changes when either file does; undefined while one of them is missing. */
export async function stampOf(paths: CertificatePaths): Promise<string | undefined> {
  try {
    const [certificate, key] = await Promise.all([stat(paths.certificate), stat(paths.key)]);
    return [certificate, key].map(({ ino, size, mtimeMs }) => `${ino}-${size}-${mtimeMs}`).join(' ');
  } catch {
    // Between two renames of a renewal there may be no file for a moment: the next look finds it.
    return undefined;
  }
}

/** Stores both, readable by this user alone; each file is whole at every moment. */
export async function storeCertificate(paths: CertificatePaths, made: CertificateAndKey): Promise<void> {
  await mkdir(dirname(paths.key), { recursive: true, mode: 0o700 });
  await replaceFile(paths.key, made.key);
  await replaceFile(paths.certificate, made.cert);
}

async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  await writeFile(fresh, text, { mode: 0o600 });
  await rename(fresh, path);
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unusable(path, describeError(error), error);
  }
}

function attempt<T>(path: string, why: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw unusable(path, `${why} (${describeError(error)})`, error);
  }
}

function unusable(file: string, why: string, cause?: unknown): SwitchyardError<'certificate-unusable'> {
  return new SwitchyardError('certificate-unusable', { file, why }, { cause });
}
