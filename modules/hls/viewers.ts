import { randomBytes } from 'node:crypto';
import type { Credentials, Decision } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { Occupancy } from '../../core/net/occupancy.ts';
import type { Session } from '../../core/sessions/session.ts';
import { every } from '../../core/time/clock.ts';
import { type Micros, seconds } from '../../core/time/micros.ts';
import type { Muxer } from './muxer.ts';
import type { MuxerSlot } from './muxers.ts';
import type { Variant } from './packager.ts';

/** Who asks, and with what. */
export interface ViewerRequest {
  readonly stream: string;
  readonly address: string;
  readonly agent: string;
  /** The mark that it showed. */
  readonly id: string | undefined;
  readonly credentials: Credentials;
}

/** A use of a muxer. */
export interface Hold {
  readonly slot: MuxerSlot;
  readonly scope: Scope;
  readonly muxer: Promise<Muxer>;
}

/** One player of one stream, from its first playlist until it has asked for none for a while. */
export interface Viewer {
  readonly id: string;
  readonly stream: string;
  readonly address: string;
  readonly session: Session;
  /** What it watches: one slot a variant. */
  readonly holds: Map<Variant['name'], Hold>;
  lastSeen: Micros;
  /** Requests that are being answered, waiting ones too. */
  active: number;
}

export interface ViewerLimits {
  readonly sessions: number;
  readonly perAddress: number;
  readonly idle: Micros;
}

interface Entry {
  readonly viewer: Viewer;
  readonly decision: Promise<Decision>;
}

export const protocol = 'hls';

/** The viewers of the module: admitted once, then known by their mark and address. */
export class Viewers {
  readonly #core: Core;
  readonly #scope: Scope;
  readonly #entries = new Map<string, Entry>();
  readonly #occupancy: Occupancy;
  readonly #idle: Micros;
  refused = 0;

  constructor(limits: ViewerLimits, dependencies: { core: Core; scope: Scope }) {
    this.#occupancy = new Occupancy({ total: limits.sessions, perAddress: limits.perAddress });
    this.#idle = limits.idle;
    this.#core = dependencies.core;
    this.#scope = dependencies.scope;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Closes the sessions of those who stopped asking, until the scope ends. */
  watch(): void {
    every(this.#scope, this.#core.clock, seconds(1), () => this.#closeIdle());
  }

  /** The viewer, known or admitted now; or the refusal. Throws `limit-reached`. */
  async admit(request: ViewerRequest): Promise<Viewer | Extract<Decision, { allowed: false }>> {
    const entry = this.#find(request) ?? this.#open(request);
    const decision = await entry.decision;
    if (!decision.allowed) return decision;
    entry.viewer.lastSeen = this.#core.clock.now();
    return entry.viewer;
  }

  #find(request: ViewerRequest): Entry | undefined {
    if (request.id === undefined) return undefined;
    const entry = this.#entries.get(keyOf(request.stream, request.id));
    // A mark that travels to another address has to show its credentials anew.
    return entry?.viewer.address === request.address ? entry : undefined;
  }

  #open(request: ViewerRequest): Entry {
    const { stream, address, agent, credentials } = request;
    const limit = this.#occupancy.findLimit(address);
    if (limit !== undefined) {
      this.refused += 1;
      throw new SwitchyardError('limit-reached', { what: 'HLS viewers', limit });
    }
    const session = this.#core.sessions.open({
      protocol,
      remoteAddress: address,
      agent,
      parent: this.#scope,
      inspect: () => ({ stream, variants: [...viewer.holds.keys()] }),
    });
    const id = request.id ?? randomBytes(16).toString('base64url');
    const viewer: Viewer = {
      id,
      stream,
      address,
      session,
      holds: new Map(),
      lastSeen: this.#core.clock.now(),
      active: 0,
    };
    const played = this.#core.streams.baseOf(stream);
    const decision = this.#core.access.decide({ action: 'play', session, stream: played, credentials });
    const entry: Entry = { viewer, decision };
    this.#keep(entry, keyOf(stream, id));
    // Refused: nothing is left behind. The answer that waits for the decision says why.
    void decision.then((result) => {
      if (result.allowed) return;
      this.refused += 1;
      void session.scope.close({ code: 'refused', detail: result.why });
    });
    return entry;
  }

  #keep(entry: Entry, key: string): void {
    const { session, address } = entry.viewer;
    // The mark may be in use from another address: the newer viewer takes it over.
    const before = this.#entries.get(key);
    this.#entries.set(key, entry);
    if (before !== undefined) void before.viewer.session.scope.close({ code: 'replaced' });
    session.scope.defer(this.#occupancy.enter(address));
    session.scope.defer(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
  }

  /** The muxer of `slot`, kept running while the viewer is there. Rejects as `StreamRegistry.subscribe` does. */
  hold(viewer: Viewer, slot: MuxerSlot): Promise<Muxer> {
    const kind = slot.variant.name;
    const before = viewer.holds.get(kind);
    if (before?.slot === slot) return before.muxer;
    // The stream came back under its name: the rest of the one before is let go.
    void before?.scope.close({ code: 'done' });
    const scope = viewer.session.scope.child(`watching ${kind}`);
    const hold = { slot, scope, muxer: slot.demand.use(scope) };
    viewer.holds.set(kind, hold);
    hold.muxer.catch((error: unknown) => {
      if (viewer.holds.get(kind) === hold) viewer.holds.delete(kind);
      void scope.close({ code: 'failed', error });
    });
    return hold.muxer;
  }

  #closeIdle(): void {
    const now = this.#core.clock.now();
    for (const { viewer } of this.#entries.values()) {
      if (viewer.active > 0 || now - viewer.lastSeen < this.#idle) continue;
      void viewer.session.scope.close({ code: 'idle' });
    }
  }
}

function keyOf(stream: string, id: string): string {
  return `${id} ${stream}`;
}
