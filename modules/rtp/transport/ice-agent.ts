import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '../../../core/time/clock.ts';
import { type Micros, seconds } from '../../../core/time/micros.ts';
import { shortTermKey } from '../../../wire/stun/integrity.ts';
import type { PathOwner, PeerPath } from './path.ts';

/** Our half of the credentials between two restarts of ICE. */
export interface IceGeneration {
  readonly ufrag: string;
  readonly password: string;
  /** The password as HMAC takes it. */
  readonly key: KeyObject;
  readonly agent: IceAgent;
}

/** All that are valid now: what tells peers apart on a shared port. */
export type UfragBook = Map<string, IceGeneration>;

/** What an authentic check says. */
export interface PassedCheck {
  readonly priority: number;
  /** USE-CANDIDATE. */
  readonly nominates: boolean;
}

export interface IceAgentDependencies {
  readonly clock: Clock;
  readonly ufrags: UfragBook;
  readonly owner: PathOwner;
  /** After each check that passed. */
  readonly onCheck: () => void;
}

/** Ways that one peer may have at a time; the one that was silent longest goes. */
const mostPaths = 16;
/** A way that was not checked for so long is no way any more. RFC 7675 5.1: consent lasts 30 s. */
const pathLife = seconds(30);
/** The way in use has been silent, so another one that answers is taken without being asked to. */
const silence = seconds(15);
/** A peer that nominates several ways at once does so in every check: the one that was not for so long is nominated no more. */
const nominationLife = seconds(3);
/** A way that another peer was checked on so lately is that peer's. */
const tenure = seconds(5);
/** Errors that we answer with in a second: a peer with a wrong role tries again and again. */
const mostErrors = 5;

/**
 * The lite agent of one peer (RFC 8445 2.5): it sends no checks, answers those that come, and sends where the peer has nominated.
 * Reading and answering checks is `IceChecks`' part.
 */
export class IceAgent {
  /** When the last check passed; our monotonic time. */
  lastCheck: Micros | undefined;
  readonly #dependencies: IceAgentDependencies;
  #current: IceGeneration;
  /** Made by a restart and not nominated with yet: the old one carries. */
  #pending: IceGeneration | undefined;
  readonly #paths = new Set<PeerPath>();
  #selected: PeerPath | undefined;
  #errorsSince = Number.NEGATIVE_INFINITY;
  #errors = 0;

  constructor(dependencies: IceAgentDependencies) {
    this.#dependencies = dependencies;
    this.#current = this.#makeGeneration();
  }

  /** The newest credentials: what the peer is told. */
  get credentials(): IceGeneration {
    return this.#pending ?? this.#current;
  }

  /** Where to send; undefined while there is no way. */
  get path(): PeerPath | undefined {
    return this.#selected;
  }

  get paths(): ReadonlySet<PeerPath> {
    return this.#paths;
  }

  /** RFC 8445 2.4, 9. A restart that the peer has not followed yet is forgotten. */
  restart(): IceGeneration {
    if (this.#pending !== undefined) this.#dependencies.ufrags.delete(this.#pending.ufrag);
    this.#pending = this.#makeGeneration();
    return this.#pending;
  }

  /** Whether `path` may be this peer's: a way that another peer uses cannot be taken by one who forges its address. */
  mayUse(path: PeerPath): boolean {
    const { clock, owner } = this.#dependencies;
    return path.owner === undefined || path.owner === owner || clock.now() - path.checkedAt > tenure;
  }

  /** A check with our credentials has passed on `path`. */
  accept(generation: IceGeneration, path: PeerPath, check: PassedCheck): void {
    const { clock, owner, onCheck } = this.#dependencies;
    const now = clock.now();
    if (path.owner !== owner) {
      path.owner?.losePath(path);
      path.checks = 0;
      path.nominating = false;
      path.owner = owner;
    }
    if (!this.#paths.has(path)) {
      this.#makeRoom(now);
      this.#paths.add(path);
    }
    // RFC 8445 8.1.1: nominating first this way, then that, as opposed to all of them from the first check on
    const chosen = check.nominates && path.checks > 0 && !path.nominating;
    path.remotePriority = check.priority;
    path.checks += 1;
    path.checkedAt = now;
    path.nominating = check.nominates;
    if (check.nominates) path.nominatedAt = now;
    this.lastCheck = now;
    const restarted = generation === this.#pending && (check.nominates || this.#selected?.nominating !== true);
    if (restarted) this.#promote(generation);
    if (restarted || this.#prefers(path, { chosen, nominates: check.nominates }, now)) this.#selected = path;
    onCheck();
  }

  /** Whether an error may be answered now. */
  mayAnswerError(): boolean {
    const now = this.#dependencies.clock.now();
    if (now - this.#errorsSince >= seconds(1)) {
      this.#errorsSince = now;
      this.#errors = 0;
    }
    this.#errors += 1;
    return this.#errors <= mostErrors;
  }

  /** The way is gone. The freshest of the others takes over. */
  lose(path: PeerPath): void {
    this.#paths.delete(path);
    if (this.#selected !== path) return;
    this.#selected = undefined;
    for (const other of this.#paths) {
      if (this.#selected === undefined || other.checkedAt > this.#selected.checkedAt) this.#selected = other;
    }
  }

  close(): void {
    const { ufrags } = this.#dependencies;
    ufrags.delete(this.#current.ufrag);
    if (this.#pending !== undefined) ufrags.delete(this.#pending.ufrag);
    for (const path of this.#paths) this.#drop(path);
    this.#selected = undefined;
  }

  #prefers(path: PeerPath, how: { chosen: boolean; nominates: boolean }, now: Micros): boolean {
    const held = this.#selected;
    if (held === undefined || held === path) return true;
    if (now - held.checkedAt > silence) return true;
    if (!how.nominates) return held.nominatedAt < 0 && path.outranks(held);
    if (how.chosen || now - held.nominatedAt > nominationLife) return true;
    return path.outranks(held); // RFC 8445 8.1.2: of several nominated ways the highest
  }

  #promote(generation: IceGeneration): void {
    this.#dependencies.ufrags.delete(this.#current.ufrag);
    this.#current = generation;
    this.#pending = undefined;
  }

  #makeRoom(now: Micros): void {
    let oldest: PeerPath | undefined;
    for (const path of this.#paths) {
      if (path === this.#selected) continue;
      if (now - path.checkedAt > pathLife) this.#drop(path);
      else if (oldest === undefined || path.checkedAt < oldest.checkedAt) oldest = path;
    }
    if (this.#paths.size >= mostPaths && oldest !== undefined) this.#drop(oldest);
  }

  #drop(path: PeerPath): void {
    this.#paths.delete(path);
    path.owner = undefined;
    path.close();
  }

  #makeGeneration(): IceGeneration {
    const { ufrags } = this.#dependencies;
    // RFC 8445 5.3: 24 bits and 128 bits at least; base64 writes ice-chars only. 48 bits are not guessed and, here, never double.
    let ufrag = randomText(6);
    while (ufrags.has(ufrag)) ufrag = randomText(6);
    const password = randomText(18);
    const generation = { ufrag, password, key: createSecretKey(shortTermKey(password)), agent: this };
    ufrags.set(ufrag, generation);
    return generation;
  }
}

function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64');
}
