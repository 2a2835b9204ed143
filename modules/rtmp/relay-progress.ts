import type { Backoff } from '../../core/time/backoff.ts';
import { type Micros, ZERO } from '../../core/time/micros.ts';
import type { RtmpConnection } from './connection.ts';
import type { RelayReport } from './contract.ts';

/** How a relay is doing. */
export class RelayProgress {
  #state: RelayReport['state'] = 'waiting';
  #connection: RtmpConnection | undefined;
  #failures = 0;
  #lastError: string | undefined;
  #pause: Micros = ZERO;

  become(state: RelayReport['state']): void {
    this.#state = state;
    this.#connection = undefined;
  }

  run(connection: RtmpConnection): void {
    this.#state = 'running';
    this.#connection = connection;
  }

  succeed(): void {
    this.#failures = 0;
  }

  fail(why: string, backoff: Backoff): void {
    this.#pause = backoff.fail();
    this.#failures = backoff.failures;
    this.#lastError = why;
  }

  /** How long to wait before the next attempt. */
  get pause(): Micros {
    return this.#pause;
  }

  get report(): Pick<RelayReport, 'state' | 'failures' | 'lastError' | 'bytes'> {
    const bytes = (this.#connection?.bytesIn ?? 0) + (this.#connection?.bytesOut ?? 0);
    return { state: this.#state, failures: this.#failures, lastError: this.#lastError, bytes };
  }
}
