/**
 * Whole microseconds in a number, as FFmpeg's AV_TIME_BASE. Rounding to 1 µs errs by less than half a tick for every
 * clock below 500 kHz (RTP's are at most 90 kHz), so ticks to µs to ticks is the identity.
 */
export type Micros = number & { readonly __unit: 'µs' };

export const ZERO = 0 as Micros;

export function micros(value: number): Micros {
  return Math.round(value) as Micros;
}

export function millis(value: number): Micros {
  return Math.round(value * 1_000) as Micros;
}

export function seconds(value: number): Micros {
  return Math.round(value * 1_000_000) as Micros;
}

export function toMillis(value: Micros): number {
  return value / 1_000;
}

export function toSeconds(value: Micros): number {
  return value / 1_000_000;
}

export function plus(a: Micros, b: Micros): Micros {
  return (a + b) as Micros;
}

export function minus(a: Micros, b: Micros): Micros {
  return (a - b) as Micros;
}

/** `ticks` is the absolute, unwrapped count: adding rounded differences would drift. */
export function fromTicks(ticks: number, clockRate: number): Micros {
  const whole = Math.floor(ticks / clockRate);
  // Split, because ticks × 1e6 passes 2^53 after some hours at 90 kHz.
  return (whole * 1_000_000 + Math.round(((ticks - whole * clockRate) * 1_000_000) / clockRate)) as Micros;
}

export function toTicks(time: Micros, clockRate: number): number {
  const whole = Math.floor(time / 1_000_000);
  return whole * clockRate + Math.round(((time - whole * 1_000_000) * clockRate) / 1_000_000);
}
