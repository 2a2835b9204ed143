import type { Buffer } from 'node:buffer';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeError, SwitchyardError } from '../errors.ts';
import { service } from '../modules/service.ts';
import type { Clock } from '../time/clock.ts';
import { seconds } from '../time/micros.ts';
import { FailureLimit } from './failure-limit.ts';
import { checkPassword, hashPassword, isPasswordHash, type ScryptParameters } from './password-hash.ts';

/** How modules find the administrator's credential: `core.services.get(Administrator)`. Provided by the server itself. */
export const Administrator = service<AdminCredential>('administrator');

export const administratorName = 'admin';

export interface AdminCredentialSettings {
  /** Where the hash is kept; undefined keeps it in memory alone. */
  readonly file: string | undefined;
  readonly scrypt?: ScryptParameters;
}

export interface AdminCredentialDependencies {
  readonly clock: Clock;
  /** Shows a password that was just made to whoever started the server. It is told once and stored nowhere. */
  readonly onMade: (user: string, password: string) => void;
}

export type Verdict =
  | { readonly accepted: true }
  /** `retryAfter` in seconds: the address has failed too often, or too many ask at once. */
  | { readonly accepted: false; readonly retryAfter?: number };

const refused: Verdict = { accepted: false };
const failureSettings = { failures: 10, window: seconds(60), addresses: 10_000 };
/** Each check takes 16 MiB and a thread of the pool for a while: strangers may not have more of them at once. */
const mostChecksAtOnce = 2;
const mostChecksWaiting = 16;
const passwordBytes = 15;
const longestPassword = 256;

/** The administrator's password: made at the first start, kept as a hash, checked in constant time and at a bounded rate. */
export class AdminCredential {
  readonly #settings: AdminCredentialSettings;
  readonly #dependencies: AdminCredentialDependencies;
  readonly #failures: FailureLimit;
  readonly #pepper = randomBytes(32);
  #hash: Promise<string> | undefined;
  /** HMAC of what was accepted last, so that a client that polls costs one hash, not one a request. */
  #accepted: Buffer | undefined;
  #resets = 0;
  #checking = 0;
  #waiting: (() => void)[] = [];

  constructor(settings: AdminCredentialSettings, dependencies: AdminCredentialDependencies) {
    this.#settings = settings;
    this.#dependencies = dependencies;
    this.#failures = new FailureLimit(failureSettings, dependencies);
  }

  /** Reads the hash, or makes a password and stores its hash; in memory alone, at the first check. Throws `credential-unusable`. */
  async open(): Promise<void> {
    if (this.#settings.file !== undefined) await this.#obtainHash();
  }

  /** Makes a new password; the one before is void at once. Throws `credential-unusable`. */
  async reset(): Promise<void> {
    this.#resets += 1;
    this.#accepted = undefined;
    this.#hash = this.#make();
    await this.#hash;
  }

  /** Checks what a peer at `address` showed. Never rejects: what cannot be checked is refused. */
  async verify(user: string, password: string, address: string): Promise<Verdict> {
    const wait = this.#failures.waitFor(address);
    if (wait > 0) return { accepted: false, retryAfter: wait };
    const shown = this.#markOf(user, password);
    if (this.#accepted !== undefined && timingSafeEqual(shown, this.#accepted)) return { accepted: true };
    if (this.#waiting.length >= mostChecksWaiting) return { accepted: false, retryAfter: 1 };
    // Counted before the check: many guesses at once must not all pass while the first is still being looked at.
    this.#failures.noteFailure(address);
    const resets = this.#resets;
    if (!(await this.#check(user, password)) || resets !== this.#resets) return refused;
    this.#accepted = shown;
    this.#failures.noteSuccess(address);
    return { accepted: true };
  }

  async #check(user: string, password: string): Promise<boolean> {
    if (password.length > longestPassword) return false;
    await this.#enter();
    try {
      const fits = await checkPassword(password, await this.#obtainHash());
      // After the hash, so that a wrong name takes as long as a wrong password.
      return fits && user === administratorName;
    } catch {
      // No hash can be had: nobody is the administrator. The start of the server has said why.
      return false;
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#checking >= mostChecksAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#checking += 1;
  }

  /** Hands the place on to the next who waits. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#checking -= 1;
    else next();
  }

  #markOf(user: string, password: string): Buffer {
    return createHmac('sha256', this.#pepper).update(`${user}\0${password}`).digest();
  }

  #obtainHash(): Promise<string> {
    if (this.#hash === undefined) {
      const found = this.#find();
      this.#hash = found;
      found.catch(() => {
        if (this.#hash === found) this.#hash = undefined;
      });
    }
    return this.#hash;
  }

  async #find(): Promise<string> {
    const { file } = this.#settings;
    const kept = file === undefined ? undefined : await readIfThere(file);
    if (kept === undefined) return this.#make();
    const hash = kept.trim();
    if (!isPasswordHash(hash)) {
      const why = 'it holds no password hash; remove it and a new password is made at the next start';
      throw new SwitchyardError('credential-unusable', { file: file ?? '', why });
    }
    return hash;
  }

  async #make(): Promise<string> {
    const password = randomBytes(passwordBytes).toString('base64url');
    const hash = await hashPassword(password, this.#settings.scrypt);
    const { file } = this.#settings;
    if (file !== undefined) await store(file, hash);
    this.#dependencies.onMade(administratorName, password);
    return hash;
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SwitchyardError('credential-unusable', { file, why: describeError(error) }, { cause: error });
  }
}

async function store(file: string, hash: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const fresh = `${file}.${process.pid}.new`;
    await writeFile(fresh, `${hash}\n`, { mode: 0o600 });
    await rename(fresh, file);
  } catch (error) {
    throw new SwitchyardError('credential-unusable', { file, why: describeError(error) }, { cause: error });
  }
}
