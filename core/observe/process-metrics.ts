import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Scope } from '../lifecycle/scope.ts';
import type { Metrics } from './metrics.ts';

/** What the process itself uses: the first things to look at when a server misbehaves. */
export function measureProcess(scope: Scope, metrics: Metrics): void {
  metrics.counter(
    scope,
    { name: 'process_cpu_seconds_total', help: 'Processor time used, by mode.', labels: ['mode'] },
    () => {
      const { user, system } = process.cpuUsage();
      return [
        { labels: { mode: 'user' }, value: user / 1e6 },
        { labels: { mode: 'system' }, value: system / 1e6 },
      ];
    },
  );
  metrics.gauge(scope, { name: 'process_memory_bytes', help: 'Memory in use, by kind.', labels: ['kind'] }, () => {
    const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    return Object.entries({ rss, heapUsed, heapTotal, external, arrayBuffers }).map(([kind, value]) => ({
      labels: { kind },
      value,
    }));
  });
  metrics.gauge(scope, { name: 'process_open_descriptors', help: 'Open files and sockets.' }, countDescriptors);
  metrics.gauge(scope, { name: 'process_uptime_seconds', help: 'Time since the process began.' }, () =>
    process.uptime(),
  );
  metrics.gauge(
    scope,
    { name: 'open_scopes', help: 'Open lifetimes; a server at rest returns to its base line.' },
    () => scope.openScopes,
  );
  measureEventLoop(scope, metrics);
}

function measureEventLoop(scope: Scope, metrics: Metrics): void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  scope.defer(() => void delay.disable());
  metrics.gauge(
    scope,
    {
      name: 'event_loop_delay_seconds',
      help: 'How late the event loop was since the last reading.',
      labels: ['quantile'],
    },
    () => {
      const readings = [0.5, 0.9, 0.99].map((quantile) => ({
        labels: { quantile: String(quantile) },
        value: delay.percentile(quantile * 100) / 1e9,
      }));
      readings.push({ labels: { quantile: '1' }, value: delay.max / 1e9 });
      delay.reset();
      return readings;
    },
  );
}

function countDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Only Linux tells.
    return Number.NaN;
  }
}
