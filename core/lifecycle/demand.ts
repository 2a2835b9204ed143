import { afterIn, type Cancel, type Clock } from '../time/clock.ts';
import type { Micros } from '../time/micros.ts';
import type { Scope } from './scope.ts';

export interface DemandDependencies<T> {
  readonly clock: Clock;
  readonly parent: Scope;
  /** Starts the costly thing; everything it opens ends with `scope`. */
  readonly open: (scope: Scope) => Promise<T>;
}

interface Run<T> {
  readonly scope: Scope;
  readonly opened: Promise<T>;
}

/** Something costly that lives while somebody wants it, plus a linger. Opened once for all who want it at a time. */
export class Demand<T> {
  readonly name: string;
  readonly #linger: Micros;
  readonly #dependencies: DemandDependencies<T>;
  #run: Run<T> | undefined;
  #users = 0;
  #cancelLinger: Cancel = () => undefined;

  constructor(settings: { name: string; linger: Micros }, dependencies: DemandDependencies<T>) {
    this.name = settings.name;
    this.#linger = settings.linger;
    this.#dependencies = dependencies;
  }

  get users(): number {
    return this.#users;
  }

  get running(): boolean {
    return this.#run !== undefined;
  }

  /** Wants the thing until `user` closes. Rejects with what `open` rejected with; the next user then tries again. */
  use(user: Scope): Promise<T> {
    this.#cancelLinger();
    this.#users += 1;
    const run = this.#run ?? this.#start();
    user.defer(() => this.#leave());
    return run.opened;
  }

  #start(): Run<T> {
    const scope = this.#dependencies.parent.child(this.name);
    const opened = this.#dependencies.open(scope);
    const run: Run<T> = { scope, opened };
    this.#run = run;
    scope.defer(() => {
      if (this.#run === run) this.#run = undefined;
    });
    opened.catch((error: unknown) => scope.close({ code: 'failed', error }));
    return run;
  }

  #leave(): void {
    this.#users -= 1;
    const run = this.#run;
    if (this.#users > 0 || run === undefined || run.scope.closed) return;
    this.#cancelLinger = afterIn(run.scope, this.#dependencies.clock, this.#linger, () => {
      void run.scope.close({ code: 'idle' });
    });
  }
}
