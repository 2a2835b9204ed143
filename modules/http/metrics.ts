import type { Core } from '../../core/core.ts';
import type { Administration } from './administration.ts';
import type { HttpListener } from './listener.ts';

/** Counts answers by class of status. */
export class AnswerCounts {
  readonly #counts = new Map<string, number>();

  note(status: number): void {
    const kind = `${Math.floor(status / 100)}xx`;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  readings() {
    return [...this.#counts].map(([status, value]) => ({ labels: { status }, value }));
  }
}

/** The metrics of the `http` module. */
export function measureHttp(
  core: Core,
  parts: { listeners: readonly HttpListener[]; answers: AnswerCounts; administration: Administration },
): void {
  const { scope, observe } = core;
  const labels = ['transport'];
  const byTransport = (read: (listener: HttpListener) => number) => () =>
    parts.listeners.map((listener) => ({
      labels: { transport: listener.secure ? 'tls' : 'tcp' },
      value: read(listener),
    }));
  observe.metrics.gauge(
    scope,
    { name: 'http_connections', help: 'Open connections.', labels },
    byTransport(({ connections }) => connections),
  );
  observe.metrics.counter(
    scope,
    { name: 'http_connections_refused_total', help: 'Connections turned away: there were too many.', labels },
    byTransport(({ refused }) => refused),
  );
  observe.metrics.counter(
    scope,
    { name: 'http_answers_total', help: 'Answers by class of status.', labels: ['status'] },
    () => parts.answers.readings(),
  );
  observe.metrics.counter(
    scope,
    { name: 'http_administration_refused_total', help: 'Requests refused for want of a good credential.' },
    () => parts.administration.refused,
  );
}
