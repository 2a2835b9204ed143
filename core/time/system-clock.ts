import type { Cancel, Clock } from './clock.ts';
import type { Micros } from './micros.ts';

/** The host's clock. */
export class SystemClock implements Clock {
  now(): Micros {
    return Math.round(performance.now() * 1_000) as Micros;
  }

  wallNow(): Micros {
    return (Date.now() * 1_000) as Micros;
  }

  after(delay: Micros, run: () => void): Cancel {
    const timer = setTimeout(run, Math.max(0, delay) / 1_000);
    return () => clearTimeout(timer);
  }
}
