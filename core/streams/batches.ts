import type { QueuedUnit } from './track-log.ts';

/** How one protocol makes its writes. A `Place` is what a viewer's bytes depend on beside the units. */
export interface BatchMaker<Place, Batch> {
  same(kept: Place, place: Place): boolean;
  /** A copy of what a viewer may change later. */
  keep(place: Place): Place;
  make(units: readonly QueuedUnit[], place: Place): Batch;
}

interface Entry<Place, Batch> {
  readonly units: readonly QueuedUnit[];
  readonly place: Place;
  readonly batch: Batch;
}

/** Viewers beyond this many different places get a batch of their own, rather than a search that grows. */
const most = 8;

/**
 * The writes of one pulse. Viewers that stand at the same place get the very same bytes: one copy for a thousand writes
 * instead of a thousand writes of thirty pieces.
 */
export class Batches<Place, Batch> {
  readonly #maker: BatchMaker<Place, Batch>;
  #entries: Entry<Place, Batch>[] = [];
  /** For whoever gathers units; what was in it is gone with the next use. */
  readonly scratch: QueuedUnit[] = [];

  constructor(maker: BatchMaker<Place, Batch>) {
    this.#maker = maker;
  }

  /** The batch of `units` for a viewer at `place`. Neither is kept. */
  give(units: readonly QueuedUnit[], place: Place): Batch {
    const found = this.#find(units, place);
    if (found !== undefined) return found;
    const kept = this.#entries.length < most ? this.#maker.keep(place) : place;
    const batch = this.#maker.make(units, place);
    if (this.#entries.length < most) this.#entries.push({ units: units.slice(), place: kept, batch });
    return batch;
  }

  clear(): void {
    if (this.#entries.length > 0) this.#entries = [];
    this.scratch.length = 0;
  }

  #find(units: readonly QueuedUnit[], place: Place): Batch | undefined {
    for (let index = 0; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index] as Entry<Place, Batch>;
      if (this.#maker.same(entry.place, place) && sameUnits(entry.units, units)) return entry.batch;
    }
    return undefined;
  }
}

function sameUnits(a: readonly QueuedUnit[], b: readonly QueuedUnit[]): boolean {
  if (a.length !== b.length) return false;
  // From the end: places that differ usually do so there.
  for (let index = a.length - 1; index >= 0; index -= 1) if (a[index] !== b[index]) return false;
  return true;
}
