import type { Core } from '../../core/core.ts';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { dial } from '../../core/net/dial.ts';
import { type Lookup, resolveTrusted, TargetGuard } from '../../core/net/target-guard.ts';
import type { StreamSource } from '../../core/streams/requests.ts';
import { parseStreamName } from '../../core/streams/stream-name.ts';
import { Backoff } from '../../core/time/backoff.ts';
import { formatTcUrl, parseRtmpUrl, type RtmpUrl } from '../../wire/rtmp/url.ts';
import { RtmpClient } from './client.ts';
import type { RtmpConfig } from './config.ts';
import type { RelayReport, RelayRequest, RtmpRelays } from './contract.ts';
import type { RtmpCounters } from './metrics.ts';
import { PullSource } from './pull.ts';
import { runPush } from './push.ts';
import { RelayProgress } from './relay-progress.ts';
import type { WritePacer } from './write-pacer.ts';

export interface RelaysDependencies {
  readonly core: Core;
  readonly counters: RtmpCounters;
  readonly pacer: WritePacer;
  readonly lookup: Lookup;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
}

interface Relay {
  readonly id: string;
  readonly kind: 'push' | 'pull';
  readonly stream: string;
  readonly target: string;
  readonly scope: Scope;
  readonly progress: RelayProgress;
}

interface Plan extends RelayRequest {
  /** Of our own configuration: it may lead anywhere. */
  readonly trusted: boolean;
}

/** Stream names that were pulled as URIs and failed; what is beyond is forgotten, oldest first. */
const mostUris = 256;

/** Every push and pull of the module. */
export class Relays implements RtmpRelays, StreamSource {
  readonly name = 'rtmp uri';
  readonly #config: RtmpConfig;
  readonly #dependencies: RelaysDependencies;
  readonly #guard: TargetGuard;
  readonly #relays = new Map<string, Relay>();
  readonly #uris = new Map<string, PullSource>();
  #count = 0;

  constructor(config: RtmpConfig, dependencies: RelaysDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
    this.#guard = new TargetGuard({ ...config.client, section: 'rtmp.client' }, { lookup: dependencies.lookup });
  }

  /** Takes up what the configuration names. Throws for names and URLs that are none. */
  start(): void {
    const { streams, scope } = this.#dependencies.core;
    if (this.#config.client.hosts.length > 0) streams.addSource(this, scope);
    for (const { name, url } of this.#config.push) this.#push({ stream: name, url, trusted: true });
    for (const { name, url } of this.#config.pull) this.#pull({ stream: name, url, trusted: true });
  }

  startPush(request: RelayRequest): RelayReport {
    return this.#push({ ...request, trusted: false });
  }

  startPull(request: RelayRequest): RelayReport {
    return this.#pull({ ...request, trusted: false });
  }

  end(id: string): boolean {
    const relay = this.#relays.get(id);
    this.#relays.delete(id);
    void relay?.scope.close({ code: 'terminated' });
    return relay !== undefined;
  }

  list(): readonly RelayReport[] {
    return [...this.#relays.values()].map(report);
  }

  /** Stream names that are URIs of hosts which the configuration allows. */
  claims(streamName: string): boolean {
    const url = findUrl(streamName);
    return url !== undefined && this.#guard.permits(url.host);
  }

  async open(streamName: string, scope: Scope): Promise<void> {
    const known = this.#uris.get(streamName);
    const source =
      known ?? this.#makePull({ stream: streamName, url: streamName, trusted: false }, new RelayProgress());
    this.#uris.set(streamName, source);
    if (this.#uris.size > mostUris) {
      for (const oldest of this.#uris.keys()) {
        this.#uris.delete(oldest);
        break;
      }
    }
    await source.open(streamName, scope);
  }

  #push(plan: Plan): RelayReport {
    const { core, pacer } = this.#dependencies;
    const { relay, url } = this.#begin('push', plan);
    const { stream, progress, scope } = relay;
    const settings = { stream, merge: this.#config.merge };
    const open = (attempt: Scope): Promise<RtmpClient> => this.#openClient(url, plan.trusted, attempt);
    runPush(settings, progress, { core, pacer, backoff: this.#backoff(), open }, scope).catch((error: unknown) => {
      core.observe.log.error('An RTMP push ended for good.', { stream, why: describeError(error) });
      void scope.close({ code: 'failed', error });
    });
    return report(relay);
  }

  #pull(plan: Plan): RelayReport {
    for (const relay of this.#relays.values()) {
      if (relay.kind === 'pull' && relay.stream === plan.stream) {
        throw new SwitchyardError('stream-name-taken', { stream: plan.stream });
      }
    }
    const { relay } = this.#begin('pull', plan);
    this.#dependencies.core.streams.addSource(this.#makePull(plan, relay.progress), relay.scope);
    return report(relay);
  }

  #begin(kind: 'push' | 'pull', plan: Plan): { relay: Relay; url: RtmpUrl } {
    const stream = parseStreamName(plan.stream);
    const url = readUrl(plan.url);
    if (!plan.trusted) this.#guard.check(url.host);
    this.#count += 1;
    const id = `rtmp-${kind}-${this.#count}`;
    const scope = this.#dependencies.core.scope.child(id);
    const relay = { id, kind, stream, target: formatTcUrl(url), scope, progress: new RelayProgress() };
    this.#relays.set(id, relay);
    scope.defer(() => {
      this.#relays.delete(id);
    });
    return { relay, url };
  }

  #makePull(plan: Plan, progress: RelayProgress): PullSource {
    const { core, counters } = this.#dependencies;
    const url = readUrl(plan.url);
    const open = (scope: Scope): Promise<RtmpClient> => this.#openClient(url, plan.trusted, scope);
    return new PullSource(plan.stream, { core, counters, progress, backoff: this.#backoff(), open });
  }

  #backoff(): Backoff {
    const { retryFirst, retryLongest } = this.#config.client;
    return new Backoff({ first: retryFirst, longest: retryLongest }, { random: this.#dependencies.random });
  }

  async #openClient(url: RtmpUrl, trusted: boolean, scope: Scope): Promise<RtmpClient> {
    const { core, counters, lookup } = this.#dependencies;
    const { client, limits, messageBytes, partialBytes } = this.#config;
    const address = trusted ? await resolveTrusted(url.host, lookup) : await this.#guard.resolve(url.host);
    const socket = await dial(
      {
        address,
        port: url.port,
        ...(url.scheme === 'rtmps' ? { tlsName: url.host } : {}),
        rejectUnauthorized: client.rejectUnauthorized,
        localPorts: client.ports,
        timeout: client.timeout,
      },
      { scope, clock: core.clock },
    );
    const settings = { url, timeout: client.timeout, idle: limits.idle, messageBytes, partialBytes };
    return RtmpClient.open(settings, { core, counters, socket, scope });
  }
}

function report({ id, kind, stream, target, progress }: Relay): RelayReport {
  return { id, kind, stream, target, ...progress.report };
}

function findUrl(text: string): RtmpUrl | undefined {
  if (!/^rtmps?:\/\//i.test(text)) return undefined;
  try {
    return parseRtmpUrl(text);
  } catch {
    return undefined; // a name that is no URL of ours is nobody's fault: another source may claim it
  }
}

/** Throws `protocol-violation`. */
function readUrl(text: string): RtmpUrl {
  try {
    return parseRtmpUrl(text);
  } catch (error) {
    throw new SwitchyardError('protocol-violation', { protocol: 'RTMP', what: describeError(error) }, { cause: error });
  }
}
