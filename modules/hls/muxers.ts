import { noCredentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { describeError } from '../../core/errors.ts';
import { Demand } from '../../core/lifecycle/demand.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { afterIn } from '../../core/time/clock.ts';
import type { HlsConfig } from './config.ts';
import { Muxer, type MuxerBudgets } from './muxer.ts';
import type { Variant } from './packager.ts';

/** A muxer that runs, is being started, or could be: what viewers hold on to. */
export class MuxerSlot {
  readonly name: string;
  readonly variant: Variant;
  readonly demand: Demand<Muxer>;
  muxer: Muxer | undefined;

  constructor(name: string, variant: Variant, demand: Demand<Muxer>) {
    this.name = name;
    this.variant = variant;
    this.demand = demand;
  }
}

/** The muxers of the module: one a stream and variant, made on demand, gone when nobody has asked for a while. */
export class Muxers {
  readonly budgets: MuxerBudgets;
  readonly #config: HlsConfig;
  readonly #core: Core;
  readonly #scope: Scope;
  readonly #slots = new Map<string, MuxerSlot>();
  #pastParts = 0;

  constructor(config: HlsConfig, dependencies: { core: Core; scope: Scope }) {
    this.#config = config;
    this.#core = dependencies.core;
    this.#scope = dependencies.scope;
    this.budgets = {
      memory: { used: 0, total: config.memory.total },
      waits: { waiting: 0, total: config.blocked.total },
    };
  }

  all(): Iterable<MuxerSlot> {
    return this.#slots.values();
  }

  /** The slot that serves `name` now: not the rest of a stream that ended, when another took its name. */
  slotFor(name: string, variant: Variant): MuxerSlot {
    const known = this.find(name, variant);
    if (known !== undefined) return known;
    const demand: Demand<Muxer> = new Demand<Muxer>(
      { name: `hls ${variant.name} of ${name}`, linger: this.#config.idle },
      { clock: this.#core.clock, parent: this.#scope, open: (scope): Promise<Muxer> => this.#open(slot, scope) },
    );
    const slot: MuxerSlot = new MuxerSlot(name, variant, demand);
    return slot;
  }

  find(name: string, variant: Variant): MuxerSlot | undefined {
    const slot = this.#slots.get(keyOf(name, variant));
    const live = this.#core.streams.find(name);
    const isOutdated = slot?.muxer !== undefined && live !== undefined && slot.muxer.stream !== live;
    return isOutdated ? undefined : slot;
  }

  /** Whether there is, or could be, something to play. */
  isWithinReach(name: string, variant: Variant): boolean {
    return this.#core.streams.isWithinReach(name) || this.find(name, variant) !== undefined;
  }

  /** Parts packaged since the start. */
  get parts(): number {
    let parts = this.#pastParts;
    for (const { muxer } of this.#slots.values()) parts += muxer?.parts ?? 0;
    return parts;
  }

  /** Answers all who wait: the module stops. */
  release(): void {
    for (const { muxer } of this.#slots.values()) muxer?.waiting.end();
  }

  inspect(): readonly Record<string, unknown>[] {
    return [...this.#slots.values()].map(({ name, variant, demand, muxer }) => ({
      stream: name,
      variant: variant.name,
      users: demand.users,
      segments: muxer?.window.listed.length ?? 0,
      keptBytes: muxer?.window.bytes ?? 0,
      blocked: muxer?.waiting.count ?? 0,
      ended: muxer?.ended ?? false,
    }));
  }

  async #open(slot: MuxerSlot, scope: Scope): Promise<Muxer> {
    const { name, variant } = slot;
    const key = keyOf(name, variant);
    this.#slots.set(key, slot);
    scope.defer(() => {
      if (this.#slots.get(key) === slot) this.#slots.delete(key);
      this.#pastParts += slot.muxer?.parts ?? 0;
      slot.muxer = undefined;
    });
    const { sessions, streams, clock, events, observe } = this.#core;
    const session = sessions.open({ protocol: 'hls-muxer', remoteAddress: '', parent: scope });
    const subscription = await streams.subscribe({
      name,
      session,
      credentials: noCredentials,
      admitted: true,
      wishes: variant.wishes,
      start: 'cached',
      parent: scope,
    });
    const muxer = new Muxer(variant, this.#config, {
      clock,
      events,
      scope,
      subscription,
      budgets: this.budgets,
      log: observe.log,
    });
    slot.muxer = muxer;
    observe.log.info('Packaging has begun.', { stream: name, variant: variant.name });
    muxer.run().then(
      () => this.#linger(slot, scope),
      (error: unknown) => {
        observe.log.error(`Packaging has failed: ${describeError(error)}`, { stream: name, variant: variant.name });
        void scope.close({ code: 'failed', error });
      },
    );
    return muxer;
  }

  /** The rest of a stream that ended is there for a while, whether somebody asks or not. */
  #linger(slot: MuxerSlot, scope: Scope): void {
    if (scope.closed) return;
    void slot.demand.use(scope.child('the rest'));
    afterIn(scope, this.#core.clock, this.#config.ended, () => void scope.close({ code: 'publisher-left' }));
  }
}

function keyOf(name: string, variant: Variant): string {
  return `${variant.name} ${name}`;
}
