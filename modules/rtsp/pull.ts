import type { Core } from '../../core/core.ts';
import { describeError } from '../../core/errors.ts';
import { type CloseReason, describeReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { StreamSource } from '../../core/streams/requests.ts';
import type { Backoff } from '../../core/time/backoff.ts';
import { sleep } from '../../core/time/clock.ts';
import { type Micros, toSeconds, ZERO } from '../../core/time/micros.ts';
import { sourceFailed } from './client.ts';
import type { RtspAgentReport } from './contract.ts';

export interface PullDependencies {
  readonly core: Core;
  readonly backoff: Backoff;
  /** Connects and publishes here; resolves when media may come. What it opens ends with the scope, and the scope with it. */
  readonly fetch: (scope: Scope) => Promise<void>;
}

/** A fetch that gives media; boxed, since a promise of a promise is one promise. */
interface Running {
  readonly ended: Promise<CloseReason>;
}

/** Brings one stream from another server while somebody wants it. */
export class PullSource implements StreamSource {
  readonly name = 'rtsp pull';
  readonly #stream: string;
  readonly #d: PullDependencies;
  #state: RtspAgentReport['state'] = 'waiting';
  #failures = 0;
  #lastError: string | undefined;
  #pause: Micros = ZERO;
  /** Nobody makes us try again before, however often they ask. */
  #notBefore = -Infinity;

  constructor(stream: string, dependencies: PullDependencies) {
    this.#stream = stream;
    this.#d = dependencies;
  }

  get report(): Pick<RtspAgentReport, 'state' | 'failures' | 'lastError'> {
    return { state: this.#state, failures: this.#failures, lastError: this.#lastError };
  }

  claims(streamName: string): boolean {
    return streamName === this.#stream;
  }

  async open(streamName: string, scope: Scope): Promise<void> {
    const { core } = this.#d;
    const wait = this.#notBefore - core.clock.now();
    if (wait > 0) {
      const next = `the next attempt is in ${Math.ceil(toSeconds(wait as Micros))} s`;
      throw sourceFailed(streamName, `${this.#lastError ?? 'the last attempt failed'}; ${next}`);
    }
    const attempt = scope.child(`pull of ${streamName}`);
    try {
      const running = await this.#begin(attempt);
      void this.#keep(streamName, running, scope);
    } catch (error) {
      this.#fail(describeError(error));
      await attempt.close({ code: 'failed', error });
      throw sourceFailed(streamName, describeError(error), error);
    }
  }

  /** Wants the stream for as long as `scope` lives, through all failures. */
  async insist(scope: Scope): Promise<void> {
    const { core } = this.#d;
    while (!scope.closed) {
      const user = scope.child(`wanting ${this.#stream}`);
      try {
        const stream = await core.streams.obtain(this.#stream, user);
        await new Promise<void>((resolve) => {
          stream.scope.defer(() => resolve());
          scope.defer(() => resolve());
        });
      } catch {
        // The report tells; another try follows.
      }
      await user.close({ code: 'done' });
      await sleep(scope, core.clock, Math.max(this.#pause, 100_000) as Micros);
    }
  }

  /** Comes back after a lost connection for as long as the stream is wanted: viewers are kept for the reconnect grace. */
  async #keep(streamName: string, first: Running, scope: Scope): Promise<void> {
    const { core } = this.#d;
    let running = first;
    for (;;) {
      const reason = await running.ended;
      this.#state = 'waiting';
      if (scope.closed || reason.code === 'done') return;
      this.#fail(describeReason(reason));
      await sleep(scope, core.clock, this.#pause);
      if (scope.closed) return;
      const attempt = scope.child(`pull of ${streamName}`);
      running = await this.#begin(attempt).catch(async (error: unknown) => {
        const failed: CloseReason = { code: 'failed', detail: describeError(error), error };
        await attempt.close(failed);
        return { ended: Promise.resolve(failed) };
      });
    }
  }

  async #begin(scope: Scope): Promise<Running> {
    const { fetch, backoff } = this.#d;
    this.#state = 'connecting';
    const ended = new Promise<CloseReason>((resolve) => void scope.defer(resolve));
    await fetch(scope);
    this.#state = 'running';
    this.#failures = 0;
    backoff.succeed();
    return { ended };
  }

  #fail(why: string): void {
    const { core, backoff } = this.#d;
    this.#state = 'waiting';
    this.#pause = backoff.fail();
    this.#failures = backoff.failures;
    this.#lastError = why;
    this.#notBefore = core.clock.now() + this.#pause;
  }
}
