import type { Cancel, Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';

/** How a wait ended: what was asked for is there, time is up, there are too many, or there will be nothing. */
export type WaitResult = 'ready' | 'timeout' | 'too-many' | 'gone';

interface Waiter {
  readonly isReady: () => boolean;
  readonly answer: (result: WaitResult) => void;
}

/** Counts those that wait, over all playlists. */
export interface WaitBudget {
  waiting: number;
  readonly total: number;
}

export interface WaitSettings {
  readonly most: number;
}

/** Requests that wait for something to come, bounded in number and in time. */
export class Waiting {
  readonly #settings: WaitSettings;
  readonly #clock: Clock;
  readonly #budget: WaitBudget;
  #waiters = new Set<Waiter>();
  #gone = false;

  constructor(settings: WaitSettings, dependencies: { clock: Clock; budget: WaitBudget }) {
    this.#settings = settings;
    this.#clock = dependencies.clock;
    this.#budget = dependencies.budget;
  }

  get count(): number {
    return this.#waiters.size;
  }

  /** Answers once, maybe at once. What is returned takes the wait back, unanswered. */
  wait(isReady: () => boolean, patience: Micros, answer: (result: WaitResult) => void): Cancel {
    if (isReady()) answer('ready');
    else if (this.#gone) answer('gone');
    else if (this.#waiters.size >= this.#settings.most || this.#budget.waiting >= this.#budget.total)
      answer('too-many');
    else return this.#add(isReady, patience, answer);
    return () => undefined;
  }

  /** Something came: answers those that waited for it. */
  check(): void {
    for (const waiter of this.#waiters) if (waiter.isReady()) waiter.answer('ready');
  }

  /** Nothing will come any more. */
  end(): void {
    this.#gone = true;
    this.check();
    for (const waiter of this.#waiters) waiter.answer('gone');
  }

  #add(isReady: () => boolean, patience: Micros, answer: (result: WaitResult) => void): Cancel {
    const cancelTimer = this.#clock.after(patience, () => waiter.answer('timeout'));
    const leave = (): void => {
      cancelTimer();
      if (this.#waiters.delete(waiter)) this.#budget.waiting -= 1;
    };
    const waiter: Waiter = {
      isReady,
      answer: (result) => {
        leave();
        answer(result);
      },
    };
    this.#waiters.add(waiter);
    this.#budget.waiting += 1;
    return leave;
  }
}
