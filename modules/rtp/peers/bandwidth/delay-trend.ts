/** What the delay of packets says of the link: draft-ietf-rmcat-gcc-02 5.4. */
export type LinkSignal = 'overuse' | 'normal' | 'underuse';

/** Packets sent within this time are one group: 5.2. µs. */
const groupLength = 5_000;
/** A group that comes in faster than it was sent was held up as one; it is not taken to be longer than this. */
const longestBurst = 100_000;
/** After such a pause nothing can be said of a trend. */
const longestGap = 3_000_000;

/** Groups that the line is laid through, the weight of the past in smoothing, and what a slope is multiplied by. */
const windowLength = 20;
const smoothing = 0.9;
const gain = 4;
const mostWeight = 60;

/** The adaptive threshold: 5.4, in ms; K_u and K_d for a trend that has been multiplied by the gain. */
const firstThreshold = 12.5;
const leastThreshold = 6;
const largestThreshold = 600;
const rising = 0.0087;
const falling = 0.039;
const farOff = 15;
/** So long the trend has to be above the threshold: 5.4, ms. */
const overuseTime = 10;

/**
 * Whether queues on the way grow: the differences between the gaps in which groups of packets were sent and in which they came
 * (draft-ietf-rmcat-gcc-02 5.1 and 5.2) are summed up, smoothed, and a line is laid through the last of them, whose slope takes the
 * place of the Kalman filter of 5.3; an adaptive threshold (5.4) tells growth from noise. Both clocks only have to run evenly.
 */
export class DelayTrend {
  signal: LinkSignal = 'normal';
  /** The group that is being gathered. */
  #firstSent = -1;
  #lastSent = 0;
  #firstArrival = 0;
  #lastArrival = 0;
  /** The group before it; -1: none. */
  #sentBefore = -1;
  #arrivedBefore = 0;

  #groups = 0;
  #origin = 0;
  #sum = 0;
  #smoothed = 0;
  readonly #times = new Float64Array(windowLength);
  readonly #delays = new Float64Array(windowLength);
  #trend = 0;
  #trendBefore = 0;
  #threshold = firstThreshold;
  #thresholdAt = -1;
  #over = -1;
  #overs = 0;

  /** A packet, in the order of arrival: when it was sent and when it came, µs, each by a clock of its own. */
  note(sentAt: number, arrival: number): void {
    if (this.#firstSent < 0) {
      this.#begin(sentAt, arrival);
      return;
    }
    if (arrival - this.#lastArrival > longestGap || arrival < this.#lastArrival - longestGap) {
      this.#reset();
      this.#begin(sentAt, arrival);
      return;
    }
    if (sentAt < this.#firstSent) return; // reordered: it tells nothing of queues
    if (this.#belongs(sentAt, arrival)) {
      this.#lastSent = Math.max(this.#lastSent, sentAt);
      this.#lastArrival = Math.max(this.#lastArrival, arrival);
      return;
    }
    if (this.#sentBefore >= 0) {
      const sent = (this.#lastSent - this.#sentBefore) / 1_000;
      this.#update((this.#lastArrival - this.#arrivedBefore) / 1_000 - sent, sent);
    }
    this.#sentBefore = this.#lastSent;
    this.#arrivedBefore = this.#lastArrival;
    this.#begin(sentAt, arrival);
  }

  #begin(sentAt: number, arrival: number): void {
    this.#firstSent = sentAt;
    this.#lastSent = sentAt;
    this.#firstArrival = arrival;
    this.#lastArrival = arrival;
  }

  #belongs(sentAt: number, arrival: number): boolean {
    if (sentAt - this.#firstSent <= groupLength) return true;
    const gap = arrival - this.#lastArrival;
    const faster = gap - (sentAt - this.#lastSent) < 0;
    return faster && gap <= groupLength && arrival - this.#firstArrival < longestBurst; // 5.2: a burst
  }

  /** A difference of delays and the time over which it came about, ms. */
  #update(difference: number, sent: number): void {
    const at = this.#lastArrival / 1_000;
    if (this.#groups === 0) this.#origin = at;
    const slot = this.#groups % windowLength;
    this.#groups += 1;
    this.#sum += difference;
    this.#smoothed = smoothing * this.#smoothed + (1 - smoothing) * this.#sum;
    this.#times[slot] = at - this.#origin;
    this.#delays[slot] = this.#smoothed;
    if (this.#groups >= windowLength) this.#trend = slopeOf(this.#times, this.#delays, this.#trend);
    this.#detect(sent, at);
  }

  #detect(sent: number, at: number): void {
    const trend = this.#trend * Math.min(this.#groups, mostWeight) * gain;
    if (trend > this.#threshold) {
      this.#over = this.#over < 0 ? sent / 2 : this.#over + sent;
      this.#overs += 1;
      if (this.#over > overuseTime && this.#overs > 1 && this.#trend >= this.#trendBefore) {
        this.#over = 0;
        this.#overs = 0;
        this.signal = 'overuse';
      }
    } else {
      this.#over = -1;
      this.#overs = 0;
      this.signal = trend < -this.#threshold ? 'underuse' : 'normal';
    }
    this.#trendBefore = this.#trend;
    this.#adapt(Math.abs(trend), at);
  }

  /** 5.4: the threshold follows the trend, fast upwards, so that a flow among others does not starve. */
  #adapt(size: number, at: number): void {
    const passed = this.#thresholdAt < 0 ? 0 : Math.min(100, at - this.#thresholdAt);
    this.#thresholdAt = at;
    if (size > this.#threshold + farOff) return;
    const rate = size < this.#threshold ? falling : rising;
    const next = this.#threshold + rate * (size - this.#threshold) * passed;
    this.#threshold = Math.min(largestThreshold, Math.max(leastThreshold, next));
  }

  #reset(): void {
    this.#sentBefore = -1;
    this.#groups = 0;
    this.#sum = 0;
    this.#smoothed = 0;
    this.#trend = 0;
    this.#trendBefore = 0;
    this.#over = -1;
    this.#overs = 0;
    this.signal = 'normal';
  }
}

/** The slope of the line of least squares; `otherwise` where all points stand above each other. */
function slopeOf(xs: Float64Array, ys: Float64Array, otherwise: number): number {
  let sumX = 0;
  let sumY = 0;
  for (let index = 0; index < xs.length; index += 1) {
    sumX += xs[index] ?? 0;
    sumY += ys[index] ?? 0;
  }
  const meanX = sumX / xs.length;
  const meanY = sumY / ys.length;
  let numerator = 0;
  let denominator = 0;
  for (let index = 0; index < xs.length; index += 1) {
    const x = (xs[index] ?? 0) - meanX;
    numerator += x * ((ys[index] ?? 0) - meanY);
    denominator += x * x;
  }
  return denominator === 0 ? otherwise : numerator / denominator;
}
