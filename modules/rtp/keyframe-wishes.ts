import type { Stream } from '../../core/streams/stream.ts';
import { millis } from '../../core/time/micros.ts';
import type { RtpCounters } from './metrics.ts';

/** A peer may wish for a key frame so often; more is a storm, of which the publisher hears nothing. */
const wishInterval = millis(250);

/** One viewer's wishes for a key frame on their way to the stream, which merges them with those of others. */
export class KeyframeWishes {
  readonly #stream: Stream;
  readonly #counters: RtpCounters;
  #last = -Infinity;

  constructor(stream: Stream, counters: RtpCounters) {
    this.#stream = stream;
    this.#counters = counters;
  }

  wish(): void {
    this.#counters.keyframeWishes += 1;
    const now = this.#stream.clock.now();
    if (now - this.#last < wishInterval) return;
    this.#last = now;
    this.#stream.requestKeyframe();
  }
}
