import { noCredentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import { type CloseReason, describeReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { StreamSource } from '../../core/streams/requests.ts';
import type { Backoff } from '../../core/time/backoff.ts';
import { sleep } from '../../core/time/clock.ts';
import { type Micros, toSeconds } from '../../core/time/micros.ts';
import type { RtmpClient } from './client.ts';
import { Ingest } from './ingest.ts';
import type { RtmpCounters } from './metrics.ts';
import type { RelayProgress } from './relay-progress.ts';

/** The protocol name of sessions that bring a stream from another server. */
export const pullProtocol = 'rtmp-pull';

export interface PullDependencies {
  readonly core: Core;
  readonly counters: RtmpCounters;
  readonly backoff: Backoff;
  readonly progress: RelayProgress;
  /** A connected client of the other server; it ends with the scope, and the scope with it. */
  readonly open: (scope: Scope) => Promise<RtmpClient>;
}

/** A pull that gives media; boxed, since a promise of a promise is one promise. */
interface Running {
  readonly ended: Promise<CloseReason>;
}

/** Brings one stream from another server while somebody wants it. */
export class PullSource implements StreamSource {
  readonly name = 'rtmp pull';
  readonly #stream: string;
  readonly #dependencies: PullDependencies;
  /** Nobody makes us try again before, however often they ask. */
  #notBefore = -Infinity;

  constructor(stream: string, dependencies: PullDependencies) {
    this.#stream = stream;
    this.#dependencies = dependencies;
  }

  claims(streamName: string): boolean {
    return streamName === this.#stream;
  }

  async open(streamName: string, scope: Scope): Promise<void> {
    const { core, progress } = this.#dependencies;
    const wait = this.#notBefore - core.clock.now();
    if (wait > 0) {
      const why = `${progress.report.lastError ?? 'the last attempt failed'}; the next attempt is in ${Math.ceil(toSeconds(wait as Micros))} s`;
      throw new SwitchyardError('source-failed', { stream: streamName, why });
    }
    const attempt = scope.child(`pull of ${streamName}`);
    try {
      const running = await this.#pull(streamName, attempt);
      void this.#keep(streamName, running, scope);
    } catch (error) {
      this.#fail(describeError(error));
      await attempt.close({ code: 'failed', error });
      throw new SwitchyardError('source-failed', { stream: streamName, why: describeError(error) }, { cause: error });
    }
  }

  /** Comes back after a lost connection for as long as the stream is wanted: viewers are kept for the reconnect grace. */
  async #keep(streamName: string, first: Running, scope: Scope): Promise<void> {
    const { core, progress } = this.#dependencies;
    let running = first;
    for (;;) {
      const reason = await running.ended;
      progress.become('waiting');
      if (scope.closed || reason.code === 'done') return;
      this.#fail(describeReason(reason));
      await sleep(scope, core.clock, progress.pause);
      if (scope.closed) return;
      const attempt = scope.child(`pull of ${streamName}`);
      running = await this.#pull(streamName, attempt).catch(async (error: unknown) => {
        const failed: CloseReason = { code: 'failed', detail: describeError(error), error };
        await attempt.close(failed);
        return { ended: Promise.resolve(failed) };
      });
    }
  }

  /** connect → play → publish here → media. */
  async #pull(streamName: string, scope: Scope): Promise<Running> {
    const { core, counters, open, progress, backoff } = this.#dependencies;
    progress.become('connecting');
    const ended = new Promise<CloseReason>((resolve) => void scope.defer(resolve));
    const client = await open(scope);
    await client.play();
    const { connection } = client;
    const session = core.sessions.open({
      protocol: pullProtocol,
      remoteAddress: connection.remoteAddress,
      parent: scope,
      inspect: () => ({ bytesIn: connection.bytesIn }),
    });
    session.scope.defer((reason) => void scope.close(reason));
    const publication = await core.streams.publish({
      name: streamName,
      session,
      credentials: noCredentials,
      onConflict: 'refuse',
    });
    publication.scope.defer((reason) => void scope.close(reason));
    const ingest = new Ingest(publication, { clock: core.clock, counters });
    client.takeMedia((message) => ingest.take(message));
    progress.run(connection);
    progress.succeed();
    backoff.succeed();
    return { ended };
  }

  #fail(why: string): void {
    const { core, progress, backoff } = this.#dependencies;
    progress.become('waiting');
    progress.fail(why, backoff);
    this.#notBefore = core.clock.now() + progress.pause;
  }
}
