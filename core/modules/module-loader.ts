import { sameConfig } from '../config/same-config.ts';
import { describeError, SwitchyardError } from '../errors.ts';
import type { EventBus } from '../events/bus.ts';
import { ModuleStarted, ModuleStopped } from '../events/catalogue.ts';
import type { CloseReason } from '../lifecycle/close-reason.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../time/clock.ts';
import type { Micros } from '../time/micros.ts';
import type { AdvertisedUrl, Module } from './module.ts';
import { type PlannedModule, planModules, withFollowers } from './module-plan.ts';
import { type CoreFor, ModuleSlot, type ModuleState } from './module-slot.ts';

/** What is to run: enabled modules and their sections as read. */
export interface WantedModules {
  readonly modules: readonly Module[];
  readonly sections: ReadonlyMap<string, unknown>;
}

export interface ModuleInspection {
  readonly module: string;
  readonly state: ModuleState;
  readonly error?: string;
  readonly detail: Record<string, unknown>;
}

export interface LoaderDependencies {
  readonly clock: Clock;
  /** The server's scope; each module gets a child of it. */
  readonly scope: Scope;
  readonly log: Log;
  readonly events: EventBus;
  readonly coreFor: CoreFor;
}

/** Wires, starts, changes and stops the modules of one server. */
export class ModuleLoader {
  readonly #dependencies: LoaderDependencies;
  #plan: readonly PlannedModule[] = [];
  readonly #slots = new Map<string, ModuleSlot>();
  /** Changes are made one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(dependencies: LoaderDependencies) {
    this.#dependencies = dependencies;
  }

  /** Starts everything or nothing; throws the first failure in the order of the plan. */
  start(wanted: WantedModules, drain: Micros): Promise<void> {
    return this.#inTurn(async () => {
      this.#plan = planModules(wanted.modules);
      await this.#configureAndStart(new Set(this.#plan.map(({ module }) => module.name)), wanted);
      const [failed, ...others] = this.#inOrder().filter((slot) => slot.state === 'failed');
      if (failed === undefined) return;
      // The first is told by whoever asked for the start.
      for (const slot of others) this.#tellFailure(slot);
      const error = failed.error;
      await this.#stopAll({ code: 'failed', detail: describeError(error) }, drain);
      throw error;
    });
  }

  /**
   * Makes the running modules what `wanted` says, touching only those that changed and those that need a restarted one.
   * Throws, with nothing touched, when the plan is not possible. A module that fails to come back is down; others stay.
   */
  apply(wanted: WantedModules, drain: Micros): Promise<void> {
    return this.#inTurn(async () => {
      const plan = planModules(wanted.modules);
      const restart = await this.#findRestarts(plan, wanted);
      const before = this.#inOrder();
      const going = before.filter((slot) => restart.has(slot.module.name) || !wanted.sections.has(slot.module.name));
      await this.#stopSlots(going, { code: 'restart', detail: 'the configuration has changed' }, drain);
      for (const slot of going) this.#slots.delete(slot.module.name);
      this.#plan = plan;
      await this.#configureAndStart(restart, wanted);
      for (const slot of this.#inOrder()) if (slot.state === 'failed') this.#tellFailure(slot);
    });
  }

  stop(reason: CloseReason, drain: Micros): Promise<void> {
    return this.#inTurn(() => this.#stopAll(reason, drain));
  }

  /** Of everything that runs, in the order of the modules. */
  urls(): readonly AdvertisedUrl[] {
    return this.#inOrder().flatMap((slot) => (slot.state === 'running' ? (slot.running?.urls ?? []) : []));
  }

  inspect(): readonly ModuleInspection[] {
    return this.#inOrder().map((slot) => ({
      module: slot.module.name,
      state: slot.state,
      ...(slot.error === undefined ? {} : { error: describeError(slot.error) }),
      detail: slot.state === 'running' ? (slot.running?.inspect?.() ?? {}) : {},
    }));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    // Whoever asked hears of the failure; the next in line is not held up by it.
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #inOrder(): readonly ModuleSlot[] {
    return this.#plan.flatMap(({ module }) => this.#slots.get(module.name) ?? []);
  }

  /** New, failed and changed modules with their followers; those that take the change while they run are not among them. */
  async #findRestarts(plan: readonly PlannedModule[], wanted: WantedModules): Promise<Set<string>> {
    const due = new Set<string>();
    const gone = [...this.#slots.keys()].filter((name) => !wanted.sections.has(name));
    for (const { module } of plan) {
      const slot = this.#slots.get(module.name);
      const config = wanted.sections.get(module.name);
      if (slot?.state !== 'running' || slot.module !== module) due.add(module.name);
      else if (!sameConfig(slot.config, config) && !(await slot.reconfigure(config))) due.add(module.name);
      else if (this.#needsChanged(slot, plan, gone)) due.add(module.name);
    }
    return withFollowers(plan, due);
  }

  /** Whether one that this module used is no longer there. */
  #needsChanged(slot: ModuleSlot, plan: readonly PlannedModule[], gone: readonly string[]): boolean {
    const before = this.#plan.find(({ module }) => module === slot.module)?.needs ?? [];
    const after = plan.find(({ module }) => module === slot.module)?.needs ?? [];
    return before.some((name) => gone.includes(name) || !after.includes(name));
  }

  async #configureAndStart(names: ReadonlySet<string>, wanted: WantedModules): Promise<void> {
    const starting = this.#plan.filter(({ module }) => names.has(module.name));
    for (const { module, needs } of starting) {
      await this.#configure(module, needs, wanted.sections.get(module.name));
    }
    const started = new Map<string, Promise<void>>();
    for (const { module, needs } of starting) {
      // Independent modules start side by side; each waits for those that it needs.
      const ready = Promise.all(needs.map((name) => started.get(name) ?? Promise.resolve()));
      started.set(
        module.name,
        ready.then(() => this.#start(module.name, needs)),
      );
    }
    await Promise.all(started.values());
  }

  async #configure(module: Module, needs: readonly string[], config: unknown): Promise<void> {
    const { scope, coreFor, clock } = this.#dependencies;
    const slot = new ModuleSlot({ module, config }, { parent: scope, coreFor, clock });
    this.#slots.set(module.name, slot);
    if (slot.state === 'configured') await this.#failWithNeeds(slot, needs);
  }

  async #start(name: string, needs: readonly string[]): Promise<void> {
    const slot = this.#slots.get(name);
    if (slot?.state !== 'configured') return;
    await this.#failWithNeeds(slot, needs);
    if (!this.#dependencies.scope.closed && (await slot.start())) this.#tellStarted(slot);
  }

  async #failWithNeeds(slot: ModuleSlot, needs: readonly string[]): Promise<void> {
    const failed = needs.find((name) => this.#slots.get(name)?.state === 'failed');
    if (failed === undefined) return;
    const why = `the module "${failed}", which it needs, is down`;
    await slot.fail(new SwitchyardError('module-failed', { module: slot.module.name, why }));
  }

  #tellStarted(slot: ModuleSlot): void {
    const facts = { module: slot.module.name };
    this.#dependencies.log.debug('The module runs.', facts);
    this.#dependencies.events.emit(ModuleStarted, facts);
  }

  #tellFailure(slot: ModuleSlot): void {
    const { error, module } = slot;
    this.#dependencies.log.error(describeError(error), { module: module.name, error });
  }

  async #stopAll(reason: CloseReason, drain: Micros): Promise<void> {
    await this.#stopSlots(this.#inOrder(), reason, drain);
  }

  /** Stops in the reverse of the plan's order: those that others need wait for them. All share one deadline. */
  async #stopSlots(slots: readonly ModuleSlot[], reason: CloseReason, drain: Micros): Promise<void> {
    const deadline = new AbortController();
    const cancel = this.#dependencies.clock.after(drain, () => deadline.abort());
    const stopped = new Map<string, Promise<void>>();
    for (const slot of [...slots].reverse()) {
      const followers = this.#plan.filter(({ needs }) => needs.includes(slot.module.name));
      const ready = Promise.all(followers.map(({ module }) => stopped.get(module.name) ?? Promise.resolve()));
      stopped.set(
        slot.module.name,
        ready.then(() => this.#stop(slot, reason, deadline.signal)),
      );
    }
    await Promise.all(stopped.values());
    cancel();
  }

  async #stop(slot: ModuleSlot, reason: CloseReason, deadline: AbortSignal): Promise<void> {
    const { log, events } = this.#dependencies;
    if (slot.state !== 'running' && slot.state !== 'configured') return;
    const module = slot.module.name;
    await slot.stop(reason, deadline);
    if (slot.error !== undefined) log.warn('The module did not stop in order.', { module, error: slot.error });
    events.emit(ModuleStopped, { module, reason });
  }
}
