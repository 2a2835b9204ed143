import type { Core } from '../core.ts';
import { describeError, isError, SwitchyardError } from '../errors.ts';
import type { CloseReason } from '../lifecycle/close-reason.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Cancel, Clock } from '../time/clock.ts';
import { seconds } from '../time/micros.ts';
import type { Module, RunningModule } from './module.ts';

export type ModuleState = 'configured' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

/** How long after the deadline a module may take to return before its scope is closed regardless. */
const patience = seconds(1);

/** Makes the core that one module gets, with a scope of its own. */
export type CoreFor = (module: string, scope: Scope) => Core;

/** One configured module, from wiring to its end. */
export class ModuleSlot {
  readonly module: Module;
  readonly scope: Scope;
  /** As it was configured or last reconfigured. */
  config: unknown;
  #state: ModuleState = 'configured';
  #error: unknown;
  readonly #running: RunningModule | undefined;
  readonly #clock: Clock;

  constructor(
    settings: { module: Module; config: unknown },
    dependencies: { parent: Scope; coreFor: CoreFor; clock: Clock },
  ) {
    this.module = settings.module;
    this.config = settings.config;
    this.#clock = dependencies.clock;
    this.scope = dependencies.parent.child(settings.module.name);
    try {
      this.#running = settings.module.configure(
        dependencies.coreFor(settings.module.name, this.scope),
        settings.config,
      );
    } catch (error) {
      this.#state = 'failed';
      this.#error = asModuleError(settings.module.name, error);
      void this.scope.close({ code: 'failed', error });
    }
  }

  get state(): ModuleState {
    return this.#state;
  }

  /** Why it failed. */
  get error(): unknown {
    return this.#error;
  }

  get running(): RunningModule | undefined {
    return this.#running;
  }

  /** Whether it runs now; never rejects: why not stands in `error`. */
  async start(): Promise<boolean> {
    if (this.#running === undefined || this.#state !== 'configured') return false;
    this.#state = 'starting';
    try {
      await this.#running.start();
      this.#state = 'running';
      return true;
    } catch (error) {
      await this.fail(error);
      return false;
    }
  }

  /** Takes a new configuration while it runs; false when it has to be restarted for it. */
  async reconfigure(config: unknown): Promise<boolean> {
    if (this.#running?.reconfigure === undefined || this.#state !== 'running') return false;
    try {
      await this.#running.reconfigure(config as never);
      this.config = config;
      return true;
    } catch {
      // It cannot take this change while it runs; the restart tells what is wrong, if anything is.
      return false;
    }
  }

  /** Drains until `deadline`, cuts, and closes the module's scope. Never rejects. */
  async stop(reason: CloseReason, deadline: AbortSignal): Promise<void> {
    if (this.#state !== 'running' && this.#state !== 'configured') return;
    const started = this.#state === 'running';
    this.#state = 'stopping';
    if (started) {
      try {
        await this.#within(deadline, this.#running?.stop(deadline));
      } catch (error) {
        this.#error = error;
      }
    }
    await this.#within(deadline, this.scope.close(reason));
    this.#state = 'stopped';
  }

  /** Ends it as failed. */
  async fail(error: unknown): Promise<void> {
    this.#state = 'failed';
    this.#error = asModuleError(this.module.name, error);
    await this.scope.close({ code: 'failed', detail: describeError(error), error });
  }

  /** Waits for `work`, but not for ever: a module that hangs must not keep the server from stopping. */
  async #within(deadline: AbortSignal, work: Promise<void> | undefined): Promise<void> {
    let cancel: Cancel = () => undefined;
    let giveUp: () => void = () => undefined;
    const given = new Promise<void>((resolve) => {
      giveUp = () => {
        cancel = this.#clock.after(patience, resolve);
      };
    });
    if (deadline.aborted) giveUp();
    else deadline.addEventListener('abort', giveUp, { once: true });
    try {
      await Promise.race([work, given]);
    } finally {
      deadline.removeEventListener('abort', giveUp);
      cancel();
    }
  }
}

/** Errors with a sentence of their own pass; others are told with the module's name. */
function asModuleError(module: string, error: unknown): unknown {
  const tells =
    isError(error, 'port-unavailable') || isError(error, 'module-requires') || isError(error, 'module-failed');
  if (tells || isError(error, 'tool-missing') || isError(error, 'service-not-provided')) return error;
  return new SwitchyardError(
    'module-failed',
    { module, why: describeError(error).replace(/\.$/, '') },
    { cause: error },
  );
}
