import { performance } from 'node:perf_hooks';

/** Gives the share of time (0 to 1) that the event loop has worked since the last call: whoever worked, this process was busy. */
export function measureBusyness(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
