import type { Core } from '../../core/core.ts';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { Outgoing } from '../../core/net/outgoing.ts';
import type { Lookup } from '../../core/net/target-guard.ts';
import { PullSource } from '../../core/streams/pull-source.ts';
import { parseStreamName } from '../../core/streams/stream-name.ts';
import { UriSources } from '../../core/streams/uri-sources.ts';
import type { Attempts } from '../../core/time/attempts.ts';
import { formatTcUrl, parseRtmpUrl, type RtmpUrl } from '../../wire/rtmp/url.ts';
import { RtmpClient } from './client.ts';
import type { RtmpConfig } from './config.ts';
import type { RtmpConnection } from './connection.ts';
import type { RelayReport, RelayRequest, RtmpRelays } from './contract.ts';
import { fetchStream } from './fetch.ts';
import type { RtmpCounters } from './metrics.ts';
import { runPush } from './push.ts';
import type { WritePacer } from './write-pacer.ts';

export interface RelaysDependencies {
  readonly core: Core;
  readonly counters: RtmpCounters;
  readonly pacer: WritePacer;
  readonly lookup: Lookup;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
}

/** How a relay is doing. */
interface Progress {
  readonly attempts: Attempts;
  /** The one that was made last. */
  connection: RtmpConnection | undefined;
}

interface Relay extends Progress {
  readonly id: string;
  readonly kind: 'push' | 'pull';
  readonly stream: string;
  readonly target: string;
  readonly scope: Scope;
}

interface Plan extends RelayRequest {
  /** Of our own configuration: it may lead anywhere. */
  readonly trusted: boolean;
}

/** Every push and pull of the module. */
export class Relays implements RtmpRelays {
  readonly #config: RtmpConfig;
  readonly #dependencies: RelaysDependencies;
  readonly #outgoing: Outgoing;
  readonly #relays = new Map<string, Relay>();
  #count = 0;

  constructor(config: RtmpConfig, dependencies: RelaysDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
    const { core, lookup, random } = dependencies;
    this.#outgoing = new Outgoing({ ...config.client, section: 'rtmp.client' }, { clock: core.clock, lookup, random });
  }

  /** Takes up what the configuration names. Throws for names and URLs that are none. */
  start(): void {
    const { streams, scope } = this.#dependencies.core;
    if (this.#config.client.hosts.length > 0) {
      const claims = (name: string): boolean => this.#claims(name);
      const make = (uri: string): PullSource =>
        this.#source({ stream: uri, url: uri, trusted: false }, this.#newProgress());
      streams.addSource(new UriSources({ name: 'rtmp uri' }, { claims, make }), scope);
    }
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
  #claims(streamName: string): boolean {
    const url = findUrl(streamName);
    return url !== undefined && this.#outgoing.guard.permits(url.host);
  }

  #push(plan: Plan): RelayReport {
    const { core, pacer } = this.#dependencies;
    const { relay, url } = this.#begin('push', plan);
    const { stream, attempts, scope } = relay;
    const settings = { stream, merge: this.#config.merge };
    const open = this.#opener(url, plan.trusted, relay);
    runPush(settings, { core, pacer, attempts, open }, scope).catch((error: unknown) => {
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
    this.#dependencies.core.streams.addSource(this.#source(plan, relay), relay.scope);
    return report(relay);
  }

  #begin(kind: 'push' | 'pull', plan: Plan): { relay: Relay; url: RtmpUrl } {
    const stream = parseStreamName(plan.stream);
    const url = readUrl(plan.url);
    if (!plan.trusted) this.#outgoing.guard.check(url.host);
    this.#count += 1;
    const id = `rtmp-${kind}-${this.#count}`;
    const scope = this.#dependencies.core.scope.child(id);
    const relay: Relay = { id, kind, stream, target: formatTcUrl(url), scope, ...this.#newProgress() };
    this.#relays.set(id, relay);
    scope.defer(() => {
      this.#relays.delete(id);
    });
    return { relay, url };
  }

  #newProgress(): Progress {
    return { attempts: this.#outgoing.newAttempts(), connection: undefined };
  }

  #source(plan: Plan, progress: Progress): PullSource {
    const { core, counters } = this.#dependencies;
    const { clock, streams } = core;
    const { attempts } = progress;
    const open = this.#opener(readUrl(plan.url), plan.trusted, progress);
    const fetch = (name: string, scope: Scope): Promise<void> => fetchStream(name, { core, counters, open }, scope);
    return new PullSource({ name: 'rtmp pull', stream: plan.stream }, { clock, streams, attempts, fetch });
  }

  #opener(url: RtmpUrl, trusted: boolean, progress: Progress): (scope: Scope) => Promise<RtmpClient> {
    return async (scope) => {
      const client = await this.#openClient(url, trusted, scope);
      progress.connection = client.connection;
      return client;
    };
  }

  async #openClient(url: RtmpUrl, trusted: boolean, scope: Scope): Promise<RtmpClient> {
    const { core, counters } = this.#dependencies;
    const { client, limits, messageBytes, partialBytes } = this.#config;
    const { host, port, scheme } = url;
    const socket = await this.#outgoing.connect({ host, port, secure: scheme === 'rtmps', trusted }, scope);
    const settings = { url, timeout: client.timeout, idle: limits.idle, messageBytes, partialBytes };
    return RtmpClient.open(settings, { core, counters, socket, scope });
  }
}

function report({ id, kind, stream, target, attempts, connection }: Relay): RelayReport {
  const now = attempts.report.state === 'running' ? connection : undefined;
  return { id, kind, stream, target, ...attempts.report, bytes: (now?.bytesIn ?? 0) + (now?.bytesOut ?? 0) };
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
