import { isIPv6 } from 'node:net';
import type { Clock } from '../time/clock.ts';
import { type Micros, toSeconds } from '../time/micros.ts';

export interface FailureLimitSettings {
  /** Failures that one address may make in one window. */
  readonly failures: number;
  readonly window: Micros;
  /** Addresses that are remembered; the longest known is forgotten for a new one. */
  readonly addresses: number;
}

interface Count {
  failures: number;
  readonly since: Micros;
}

/** Counts failed attempts by address, in bounded memory. */
export class FailureLimit {
  readonly #settings: FailureLimitSettings;
  readonly #clock: Clock;
  readonly #counts = new Map<string, Count>();

  constructor(settings: FailureLimitSettings, dependencies: { clock: Clock }) {
    this.#settings = settings;
    this.#clock = dependencies.clock;
  }

  /** Whole seconds until the address may try again; 0 when it may now. */
  waitFor(address: string): number {
    const count = this.#find(originOf(address));
    if (count === undefined || count.failures < this.#settings.failures) return 0;
    return Math.max(1, Math.ceil(toSeconds((count.since + this.#settings.window - this.#clock.now()) as Micros)));
  }

  noteFailure(address: string): void {
    const origin = originOf(address);
    const count = this.#find(origin);
    if (count !== undefined) {
      count.failures += 1;
      return;
    }
    if (this.#counts.size >= this.#settings.addresses) {
      const oldest = this.#counts.keys().next().value;
      if (oldest !== undefined) this.#counts.delete(oldest);
    }
    this.#counts.set(origin, { failures: 1, since: this.#clock.now() });
  }

  noteSuccess(address: string): void {
    this.#counts.delete(originOf(address));
  }

  get size(): number {
    return this.#counts.size;
  }

  #find(origin: string): Count | undefined {
    const count = this.#counts.get(origin);
    if (count === undefined || this.#clock.now() - count.since < this.#settings.window) return count;
    this.#counts.delete(origin);
    return undefined;
  }
}

/** One host of IPv6 has a whole /64 to try from. */
export function originOf(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = (plain.split('%')[0] ?? '').split('::');
  const groups = head.split(':').filter(Boolean);
  const after = tail.split(':').filter(Boolean).length;
  while (groups.length + after < 8) groups.push('0');
  return `${groups.slice(0, 4).join(':')}::/64`;
}
