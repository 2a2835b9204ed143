/** How many may be here: in all, and from one address. */
export interface OccupancyLimits {
  readonly total: number;
  readonly perAddress: number;
}

/** Counts who is here, in all and by address, so that one stranger can't take every place. */
export class Occupancy {
  readonly #limits: OccupancyLimits;
  readonly #byAddress = new Map<string, number>();
  #count = 0;

  constructor(limits: OccupancyLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** The limit that keeps another one of `address` out, if any does. */
  findLimit(address: string): number | undefined {
    const { total, perAddress } = this.#limits;
    if ((this.#byAddress.get(address) ?? 0) >= perAddress) return perAddress;
    return this.#count >= total ? total : undefined;
  }

  /** Takes a place, whether there is one or not; what is returned gives it back, once. */
  enter(address: string): () => void {
    this.#count += 1;
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    let here = true;
    return () => {
      if (!here) return;
      here = false;
      this.#count -= 1;
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    };
  }
}
