import { describeError, SwitchyardError } from '../errors.ts';
import { type CloseReason, describeReason } from '../lifecycle/close-reason.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Attempts } from '../time/attempts.ts';
import { type Clock, sleep } from '../time/clock.ts';
import { micros, toSeconds } from '../time/micros.ts';
import type { StreamSource } from './requests.ts';
import type { StreamRegistry } from './stream-registry.ts';

export interface PullDependencies {
  readonly clock: Clock;
  readonly streams: Pick<StreamRegistry, 'obtain'>;
  readonly attempts: Attempts;
  /**
   * Connects to the other server and publishes here; resolves when media may come. What it opens ends with the scope, and it closes
   * the scope when the connection or the publication ends.
   */
  readonly fetch: (streamName: string, scope: Scope) => Promise<void>;
}

/** A fetch that gives media; boxed, since a promise of a promise is one promise. */
interface Running {
  readonly ended: Promise<CloseReason>;
}

/** The least pause between attempts of those who insist: µs. */
const shortestPause = 100_000;

/** Brings one stream from another server while somebody wants it. */
export class PullSource implements StreamSource {
  readonly name: string;
  readonly #stream: string;
  readonly #d: PullDependencies;

  /** `name`: of the source; `stream`: what the stream is called here. */
  constructor(settings: { readonly name: string; readonly stream: string }, dependencies: PullDependencies) {
    this.name = settings.name;
    this.#stream = settings.stream;
    this.#d = dependencies;
  }

  claims(streamName: string): boolean {
    return streamName === this.#stream;
  }

  /** Throws `source-failed`. Nobody makes us try again before the pause is over, however often they ask. */
  async open(streamName: string, scope: Scope): Promise<void> {
    const { attempts } = this.#d;
    if (attempts.remaining > 0) {
      const why = attempts.report.lastError ?? 'the last attempt failed';
      const next = `the next attempt is in ${Math.ceil(toSeconds(attempts.remaining))} s`;
      throw new SwitchyardError('source-failed', { stream: streamName, why: `${why}; ${next}` });
    }
    const attempt = scope.child(`pull of ${streamName}`);
    try {
      const running = await this.#begin(streamName, attempt);
      void this.#keep(streamName, running, scope);
    } catch (error) {
      const why = describeError(error);
      attempts.fail(why);
      await attempt.close({ code: 'failed', error });
      throw new SwitchyardError('source-failed', { stream: streamName, why }, { cause: error });
    }
  }

  /** Wants the stream for as long as `scope` lives, through all failures. */
  async insist(scope: Scope): Promise<void> {
    const { clock, streams, attempts } = this.#d;
    while (!scope.closed) {
      const user = scope.child(`wanting ${this.#stream}`);
      try {
        const stream = await streams.obtain(this.#stream, user);
        await new Promise<void>((resolve) => {
          stream.scope.defer(() => resolve());
          scope.defer(() => resolve());
        });
      } catch {
        // The report tells; another try follows.
      }
      await user.close({ code: 'done' });
      await sleep(scope, clock, micros(Math.max(attempts.pause, shortestPause)));
    }
  }

  /** Comes back after a lost connection for as long as the stream is wanted: viewers are kept for the reconnect grace. */
  async #keep(streamName: string, first: Running, scope: Scope): Promise<void> {
    const { clock, attempts } = this.#d;
    let running = first;
    for (;;) {
      const reason = await running.ended;
      attempts.wait();
      if (scope.closed || reason.code === 'done') return;
      attempts.fail(describeReason(reason));
      await sleep(scope, clock, attempts.pause);
      if (scope.closed) return;
      const attempt = scope.child(`pull of ${streamName}`);
      running = await this.#begin(streamName, attempt).catch(async (error: unknown) => {
        const failed: CloseReason = { code: 'failed', detail: describeError(error), error };
        await attempt.close(failed);
        return { ended: Promise.resolve(failed) };
      });
    }
  }

  async #begin(streamName: string, scope: Scope): Promise<Running> {
    const { fetch, attempts } = this.#d;
    attempts.begin();
    const ended = new Promise<CloseReason>((resolve) => void scope.defer(resolve));
    await fetch(streamName, scope);
    attempts.succeed();
    return { ended };
  }
}
