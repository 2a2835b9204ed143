const buckets = 10;
/** µs. */
const bucketLength = 50_000;
/** Less says nothing of a rate. */
const leastSpan = 150_000;

/** The bit rate of what arrived in the last half second: R_hat of draft-ietf-rmcat-gcc-02 5.5. */
export class ArrivedRate {
  readonly #bytes = new Float64Array(buckets);
  #first = -1;
  #newest = -1;

  /** `arrival` in µs, by the clock of the receiver. */
  note(arrival: number, bytes: number): void {
    const bucket = Math.floor(arrival / bucketLength);
    if (this.#newest < 0 || Math.abs(bucket - this.#newest) > 20 * buckets) {
      this.#bytes.fill(0);
      this.#first = bucket;
      this.#newest = bucket;
    }
    if (bucket <= this.#newest - buckets) return;
    const cleared = Math.min(bucket, this.#newest + buckets);
    for (let at = this.#newest + 1; at <= cleared; at += 1) this.#bytes[at % buckets] = 0;
    this.#newest = Math.max(this.#newest, bucket);
    this.#bytes[bucket % buckets] = (this.#bytes[bucket % buckets] ?? 0) + bytes;
  }

  /** Bits a second; undefined while too little has come. */
  get rate(): number | undefined {
    const span = Math.min(buckets, this.#newest - this.#first + 1) * bucketLength;
    if (this.#newest < 0 || span < leastSpan) return undefined;
    let bytes = 0;
    for (let index = 0; index < buckets; index += 1) bytes += this.#bytes[index] ?? 0;
    return (bytes * 8e6) / span;
  }
}
