import type { Subscription } from './subscription.ts';

/** The subscriptions that a module plays now, and what its slow viewers of all times have jumped over. */
export class Playing {
  readonly #subscriptions = new Set<Subscription>();
  #droppedBefore = 0;

  /** Counts a subscription until it ends. */
  add(subscription: Subscription): void {
    this.#subscriptions.add(subscription);
    subscription.scope.defer(() => {
      this.#subscriptions.delete(subscription);
      this.#droppedBefore += subscription.counters.droppedUnits;
    });
  }

  get count(): number {
    return this.#subscriptions.size;
  }

  /** Units dropped for those who play, and for those who have left. */
  get droppedUnits(): number {
    let dropped = this.#droppedBefore;
    for (const { counters } of this.#subscriptions) dropped += counters.droppedUnits;
    return dropped;
  }
}
