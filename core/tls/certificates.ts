import { X509Certificate } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import type { Tls } from '../config/fragments.ts';
import { describeError } from '../errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { service } from '../modules/service.ts';
import type { Log } from '../observe/log.ts';
import { type Clock, every } from '../time/clock.ts';
import { seconds, toMillis } from '../time/micros.ts';
import {
  type CertificatePaths,
  type LoadedCertificate,
  loadCertificate,
  stampOf,
  storeCertificate,
} from './certificate-files.ts';
import { type CertificateAndKey, makeSelfMade } from './self-made-certificate.ts';

/** How modules find the certificates of the server: `core.services.get(Certificates)`. Provided by the server itself. */
export const Certificates = service<CertificateStore>('certificates');

/** A TLS server of `node:tls`, `node:https` or `node:http2`. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): unknown;
}

export interface CertificateSettings {
  /** Where the self-made certificate is kept; undefined keeps it in memory alone. */
  readonly folder: string | undefined;
  /** Host names and addresses that the self-made certificate is for; those of this host when not told. */
  readonly names?: readonly string[];
}

export interface ServedCertificate extends CertificateAndKey {
  readonly selfMade: boolean;
}

const lookInterval = seconds(10);
const lastsDays = 365;
const renewBeforeMs = 30 * 86_400_000;

/** Gives TLS servers their certificates, and new ones when the files change or the self-made one nears its end. */
export class CertificateStore {
  readonly #settings: CertificateSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  #selfMade: Promise<LoadedCertificate> | undefined;

  constructor(settings: CertificateSettings, dependencies: { clock: Clock; log: Log }) {
    this.#settings = settings;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
  }

  /** Whether `tls` gives a certificate at all: else a module leaves its TLS port shut. */
  offers(tls: Tls): boolean {
    return tls.certificate !== undefined || tls.selfSigned;
  }

  /** The certificate and key for `tls` as they are now. Throws `certificate-unusable`. */
  async load(tls: Tls): Promise<ServedCertificate> {
    const paths = pathsOf(tls);
    const { cert, key } = await (paths === undefined ? this.#obtainSelfMade() : loadCertificate(paths));
    return { cert, key, selfMade: paths === undefined };
  }

  /**
   * Gives `server` its certificate, and each later one until the scope ends. Resolves when the first is in place; until
   * then, handshakes fail. A changed file that cannot be used is logged, and the certificate before it stays. Throws
   * `certificate-unusable`.
   */
  async serve(tls: Tls, server: SecureServer, scope: Scope): Promise<ServedCertificate> {
    const paths = pathsOf(tls);
    let stamp = paths === undefined ? undefined : await stampOf(paths);
    const first = await this.load(tls);
    server.setSecureContext({ cert: first.cert, key: first.key });
    let current = first.cert;
    let looking = false;
    const look = async (): Promise<void> => {
      const now = paths === undefined ? undefined : await stampOf(paths);
      if (paths !== undefined && (now === undefined || now === stamp)) return;
      stamp = now;
      const { cert, key } = await this.load(tls);
      if (cert === current || scope.closed) return;
      server.setSecureContext({ cert, key });
      current = cert;
      this.#log.info('A new certificate is in use.', describeLeaf(new X509Certificate(cert)));
    };
    every(scope, this.#clock, lookInterval, () => {
      if (looking) return;
      looking = true;
      look()
        .catch((error: unknown) => {
          this.#log.warn(`The certificate stays as it is: ${describeError(error)}`);
        })
        .finally(() => {
          looking = false;
        });
    });
    return first;
  }

  /** The self-made certificate, kept from before or made now; once for all who want it. */
  async #obtainSelfMade(): Promise<LoadedCertificate> {
    const current = this.#selfMade;
    const held = await current;
    if (held !== undefined && !this.#endsSoon(held)) return held;
    // Another caller has begun to make one meanwhile: share it.
    if (this.#selfMade !== current) return this.#obtainSelfMade();
    const found = held === undefined ? this.#findSelfMade() : this.#renew();
    this.#selfMade = found;
    found.catch(() => {
      if (this.#selfMade === found) this.#selfMade = undefined;
    });
    return found;
  }

  async #findSelfMade(): Promise<LoadedCertificate> {
    const names = this.#names();
    const paths = this.#paths();
    if (paths !== undefined && (await stampOf(paths)) !== undefined) {
      try {
        const kept = await loadCertificate(paths);
        if (!this.#endsSoon(kept) && covers(kept.leaf, names)) return kept;
      } catch (error) {
        this.#log.warn(`The self-made certificate is made anew: ${describeError(error)}`);
      }
    }
    return this.#renew();
  }

  async #renew(): Promise<LoadedCertificate> {
    const names = this.#names();
    const paths = this.#paths();
    const made = await makeSelfMade({ names, now: this.#now(), days: lastsDays });
    if (paths !== undefined) {
      try {
        await storeCertificate(paths, made);
      } catch (error) {
        this.#log.warn(`The self-made certificate cannot be kept for the next start: ${describeError(error)}`);
      }
    }
    const leaf = new X509Certificate(made.cert);
    this.#log.info('TLS uses a self-made certificate: browsers warn of it until one of yours is named.', {
      ...describeLeaf(leaf),
      ...(paths === undefined ? {} : { file: paths.certificate }),
    });
    return { ...made, leaf };
  }

  #endsSoon({ leaf }: LoadedCertificate): boolean {
    return Date.parse(leaf.validTo) - this.#now() < renewBeforeMs;
  }

  #now(): number {
    return toMillis(this.#clock.wallNow());
  }

  #names(): readonly string[] {
    return this.#settings.names ?? namesOfHost();
  }

  #paths(): CertificatePaths | undefined {
    const { folder } = this.#settings;
    if (folder === undefined) return undefined;
    return { certificate: join(folder, 'self-made.crt'), key: join(folder, 'self-made.key') };
  }
}

function pathsOf(tls: Tls): CertificatePaths | undefined {
  // One PEM file may hold both.
  return tls.certificate === undefined ? undefined : { certificate: tls.certificate, key: tls.key ?? tls.certificate };
}

/** `localhost`, the host's name, and every address that others could write to. */
export function namesOfHost(): readonly string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .map(({ address }) => address)
    .filter((address) => !address.startsWith('fe80:'));
  const host = /^[A-Za-z0-9.-]{1,253}$/.test(hostname()) ? [hostname()] : [];
  return [...new Set(['localhost', ...host, '127.0.0.1', '::1', ...addresses])].slice(0, 64);
}

/** Whether the certificate names all of these. Addresses of IPv6 come and go by themselves: they are no reason for a new one. */
function covers(leaf: X509Certificate, names: readonly string[]): boolean {
  return names.every((name) => {
    if (name.includes(':')) return true;
    return /^[\d.]+$/.test(name) ? leaf.checkIP(name) !== undefined : leaf.checkHost(name) !== undefined;
  });
}

function describeLeaf(leaf: X509Certificate) {
  return { subject: leaf.subject.replaceAll('\n', ', '), ends: leaf.validTo, fingerprint: leaf.fingerprint256 };
}
