export interface RateMeterSettings {
  readonly buckets: number;
  /** µs. */
  readonly bucketLength: number;
}

/** Half a second: R_hat of draft-ietf-rmcat-gcc-02 5.5. */
const arrival: RateMeterSettings = { buckets: 10, bucketLength: 50_000 };
/** Less says nothing of a rate. */
const leastBuckets = 3;

/** The bit rate of the last moments, by whatever clock tells its times. */
export class RateMeter {
  readonly #length: number;
  readonly #bytes: Float64Array;
  #first = -1;
  #newest = -1;

  constructor({ buckets, bucketLength }: RateMeterSettings = arrival) {
    this.#length = bucketLength;
    this.#bytes = new Float64Array(buckets);
  }

  /** `at` in µs. */
  note(at: number, bytes: number): void {
    const buckets = this.#bytes.length;
    const bucket = Math.floor(at / this.#length);
    if (this.#newest < 0 || Math.abs(bucket - this.#newest) > 20 * buckets) {
      this.#bytes.fill(0);
      this.#first = bucket;
      this.#newest = bucket;
    }
    if (bucket <= this.#newest - buckets) return;
    const cleared = Math.min(bucket, this.#newest + buckets);
    for (let next = this.#newest + 1; next <= cleared; next += 1) this.#bytes[next % buckets] = 0;
    this.#newest = Math.max(this.#newest, bucket);
    this.#bytes[bucket % buckets] = (this.#bytes[bucket % buckets] ?? 0) + bytes;
  }

  /** Bits a second; undefined while too little has come. */
  get rate(): number | undefined {
    return this.#over(this.#bytes.length);
  }

  /** The larger of `rate` and that of the last few buckets: what a source that pauses gets through when it does not. */
  get peak(): number | undefined {
    const rate = this.rate;
    return rate === undefined ? undefined : Math.max(rate, this.#over(leastBuckets + 1) ?? 0);
  }

  #over(buckets: number): number | undefined {
    const span = Math.min(buckets, this.#newest - this.#first + 1);
    if (this.#newest < 0 || span < leastBuckets) return undefined;
    let bytes = 0;
    for (let back = 0; back < span; back += 1) {
      bytes += this.#bytes[(this.#newest - back) % this.#bytes.length] ?? 0;
    }
    return (bytes * 8e6) / (span * this.#length);
  }
}
