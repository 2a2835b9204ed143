/** ms over which a rate is taken: media over HLS comes in lumps. */
const windowMs = 4_000;

/** How fast a total grows, over the last few seconds. */
export class Rate {
  readonly #samples: { readonly at: number; readonly total: number }[] = [];

  /** Takes the newest total; gives the growth a second, undefined until there is something to compare with. */
  read(total: number): number | undefined {
    const at = performance.now();
    const samples = this.#samples;
    samples.push({ at, total });
    while (samples.length > 2 && at - (samples[0]?.at ?? at) > windowMs) samples.shift();
    const first = samples[0];
    if (first === undefined || at - first.at < 500) return undefined;
    return Math.max(0, ((total - first.total) * 1_000) / (at - first.at));
  }
}
