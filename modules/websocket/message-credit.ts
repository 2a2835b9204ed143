import type { Clock } from '../../core/time/clock.ts';
import { seconds } from '../../core/time/micros.ts';

const burstSeconds = 10;

/** How many messages a peer may still send: it earns some each second, and may save up ten seconds of them. */
export class MessageCredit {
  readonly #perSecond: number;
  readonly #clock: Clock;
  #credit: number;
  #at: number;

  constructor(perSecond: number, dependencies: { clock: Clock }) {
    this.#perSecond = perSecond;
    this.#clock = dependencies.clock;
    this.#credit = perSecond * burstSeconds;
    this.#at = this.#clock.now();
  }

  /** Takes one message off; false when there was none left. */
  spend(): boolean {
    const now = this.#clock.now();
    const earned = ((now - this.#at) * this.#perSecond) / seconds(1);
    this.#at = now;
    this.#credit = Math.min(this.#perSecond * burstSeconds, this.#credit + earned) - 1;
    return this.#credit >= 0;
  }
}
