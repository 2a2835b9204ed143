import type { Scope } from '../lifecycle/scope.ts';
import type { Micros } from './micros.ts';

/** Takes a timer back; harmless after it has run. */
export type Cancel = () => void;

/** The only source of time and timers. Media runs on `now()`, so a step of the wall clock never disturbs it. */
export interface Clock {
  /** Monotonic time since some fixed moment. */
  now(): Micros;
  /** Unix time. */
  wallNow(): Micros;
  /** Runs once after `delay`. */
  after(delay: Micros, run: () => void): Cancel;
}

/** Runs `run` once after `delay` unless the scope ends first. */
export function afterIn(scope: Scope, clock: Clock, delay: Micros, run: () => void): Cancel {
  if (scope.closed) return () => undefined;
  const cancelTimer = clock.after(delay, () => {
    release();
    run();
  });
  const release = scope.defer(cancelTimer);
  return () => {
    release();
    cancelTimer();
  };
}

/** Runs `run` every `interval` until the scope ends. A late tick is not made up for. */
export function every(scope: Scope, clock: Clock, interval: Micros, run: () => void): Cancel {
  let cancel: Cancel = () => undefined;
  let stopped = false;
  const arm = (): void => {
    cancel = afterIn(scope, clock, interval, () => {
      arm();
      run();
    });
    if (stopped) cancel();
  };
  arm();
  return () => {
    stopped = true;
    cancel();
  };
}

/** Resolves after `delay`, or as soon as the scope ends. */
export function sleep(scope: Scope, clock: Clock, delay: Micros): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(delay, () => {
      release();
      resolve();
    });
    const release = scope.defer(() => {
      cancel();
      resolve();
    });
  });
}
