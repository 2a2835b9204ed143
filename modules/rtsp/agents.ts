import type { Core } from '../../core/core.ts';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { dial } from '../../core/net/dial.ts';
import { type Lookup, resolveTrusted, TargetGuard } from '../../core/net/target-guard.ts';
import { parseStreamName } from '../../core/streams/stream-name.ts';
import { Backoff } from '../../core/time/backoff.ts';
import type { RtpPlane } from '../rtp/contract.ts';
import { RtspClient } from './client.ts';
import { findRtspUrl, parseRtspUrl, type RtspUrl } from './client-url.ts';
import type { RtspConfig } from './config.ts';
import { RtspConnection } from './connection.ts';
import type { RtspAgentReport, RtspAgentRequest, RtspAgents } from './contract.ts';
import { fetchStream } from './fetch.ts';
import type { RtspCounters } from './metrics.ts';
import { PullSource } from './pull.ts';

export interface AgentsDependencies {
  readonly core: Core;
  readonly plane: RtpPlane;
  readonly counters: RtspCounters;
  readonly lookup: Lookup;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
}

interface Plan {
  readonly stream: string;
  readonly url: RtspUrl;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly transport: 'auto' | 'tcp' | 'udp';
  /** Of our own configuration: it may lead anywhere. */
  readonly trusted: boolean;
}

interface Agent {
  readonly id: string;
  readonly stream: string;
  readonly uri: string;
  readonly scope: Scope;
  readonly source: PullSource;
}

/** Stream names that were fetched as URIs; what is beyond is forgotten, oldest first. */
const mostUris = 256;
const headBytes = 64 * 1_024;
const bodyBytes = 256 * 1_024;

/** Every stream that is fetched: by the configuration, by REST, and by names that are URIs. */
export class Agents implements RtspAgents {
  readonly #config: RtspConfig;
  readonly #d: AgentsDependencies;
  readonly #guard: TargetGuard;
  readonly #agents = new Map<string, Agent>();
  readonly #uris = new Map<string, PullSource>();
  #count = 0;

  constructor(config: RtspConfig, dependencies: AgentsDependencies) {
    this.#config = config;
    this.#d = dependencies;
    this.#guard = new TargetGuard({ ...config.client, section: 'rtsp.client' }, { lookup: dependencies.lookup });
  }

  /** Takes up what the configuration names. Throws for names and URLs that are none. */
  open(): void {
    const { streams, scope } = this.#d.core;
    if (this.#config.client.hosts.length > 0) {
      streams.addSource(
        { name: 'rtsp uri', claims: (name) => this.claims(name), open: (name, run) => this.#bring(name, run) },
        scope,
      );
    }
    for (const { name, url, user, password, transport } of this.#config.pull) {
      const parsed = parseRtspUrl(url);
      const login = { user: user ?? parsed.user, password: password?.reveal() ?? parsed.password };
      this.#add({ stream: parseStreamName(name), url: parsed, ...login, transport, trusted: true });
    }
  }

  start(request: RtspAgentRequest): RtspAgentReport {
    const url = parseRtspUrl(request.uri);
    this.#guard.check(url.host);
    const { user, password } = url;
    const stream = parseStreamName(request.stream ?? url.target);
    const agent = this.#add({ stream, url, user, password, transport: 'auto', trusted: false });
    // It is wanted from now on; what goes wrong shows in the report, and is tried again.
    void agent.source.insist(agent.scope);
    return report(agent);
  }

  end(id: string): boolean {
    const agent = this.#agents.get(id);
    this.#agents.delete(id);
    void agent?.scope.close({ code: 'terminated' });
    return agent !== undefined;
  }

  list(): readonly RtspAgentReport[] {
    return [...this.#agents.values()].map(report);
  }

  /** Stream names that are URIs of hosts which the configuration allows. */
  claims(streamName: string): boolean {
    const url = findRtspUrl(streamName);
    return url !== undefined && this.#guard.permits(url.host);
  }

  async #bring(streamName: string, scope: Scope): Promise<void> {
    const known = this.#uris.get(streamName);
    const url = parseRtspUrl(streamName);
    const { user, password } = url;
    const source =
      known ?? this.#source({ stream: streamName, url, user, password, transport: 'auto', trusted: false });
    this.#uris.set(streamName, source);
    if (this.#uris.size > mostUris) {
      for (const oldest of this.#uris.keys()) {
        this.#uris.delete(oldest);
        break;
      }
    }
    await source.open(streamName, scope);
  }

  #add(plan: Plan): Agent {
    const { core } = this.#d;
    for (const { stream } of this.#agents.values()) {
      if (stream === plan.stream) throw new SwitchyardError('stream-name-taken', { stream });
    }
    this.#count += 1;
    const id = `rtsp-agent-${this.#count}`;
    const scope = core.scope.child(id);
    const source = this.#source(plan);
    const agent: Agent = { id, stream: plan.stream, uri: plan.url.target, scope, source };
    this.#agents.set(id, agent);
    scope.defer(() => {
      this.#agents.delete(id);
    });
    core.streams.addSource(source, scope);
    return agent;
  }

  #source(plan: Plan): PullSource {
    const { core, random } = this.#d;
    const { retryFirst, retryLongest } = this.#config.client;
    const backoff = new Backoff({ first: retryFirst, longest: retryLongest }, { random });
    return new PullSource(plan.stream, { core, backoff, fetch: (scope) => this.#fetch(plan, scope) });
  }

  async #fetch(plan: Plan, scope: Scope): Promise<void> {
    const { core, plane, counters, lookup } = this.#d;
    const { client: settings } = this.#config;
    const { url } = plan;
    const address = plan.trusted ? await resolveTrusted(url.host, lookup) : await this.#guard.resolve(url.host);
    const socket = await dial(
      {
        address,
        port: url.port,
        ...(url.secure ? { tlsName: url.host } : {}),
        rejectUnauthorized: settings.rejectUnauthorized,
        localPorts: settings.ports,
        timeout: settings.timeout,
      },
      { scope, clock: core.clock },
    );
    const connection = new RtspConnection(
      { headBytes, bodyBytes },
      { socket, scope, clock: core.clock, log: core.observe.log, counters },
    );
    const { user, password, stream, transport } = plan;
    const client = new RtspClient({ url, user, password, timeout: settings.timeout }, { core, connection, scope });
    const { ports, mediaTimeout } = settings;
    try {
      await fetchStream({ stream, transport, ports, mediaTimeout }, { core, plane, client, scope });
    } catch (error) {
      throw new Error(describeError(error), { cause: error });
    }
  }
}

function report({ id, stream, uri, source }: Agent): RtspAgentReport {
  return { id, stream, uri, ...source.report };
}
