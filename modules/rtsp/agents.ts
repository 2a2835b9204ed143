import type { Core } from '../../core/core.ts';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { Outgoing } from '../../core/net/outgoing.ts';
import type { Lookup } from '../../core/net/target-guard.ts';
import { PullSource } from '../../core/streams/pull-source.ts';
import { parseStreamName } from '../../core/streams/stream-name.ts';
import { UriSources } from '../../core/streams/uri-sources.ts';
import type { Attempts } from '../../core/time/attempts.ts';
import type { RtpPlane } from '../rtp/contract.ts';
import { RtspClient } from './client.ts';
import { findRtspUrl, parseRtspUrl, type RtspUrl } from './client-url.ts';
import type { RtspConfig } from './config.ts';
import { RtspConnection } from './connection.ts';
import type { RtspAgentReport, RtspAgentRequest, RtspAgents } from './contract.ts';
import { fetchStream } from './fetch.ts';
import type { RtspCounters } from './metrics.ts';

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
  readonly attempts: Attempts;
  readonly source: PullSource;
}

const headBytes = 64 * 1_024;
const bodyBytes = 256 * 1_024;

/** Every stream that is fetched: by the configuration, by REST, and by names that are URIs. */
export class Agents implements RtspAgents {
  readonly #config: RtspConfig;
  readonly #d: AgentsDependencies;
  readonly #outgoing: Outgoing;
  readonly #agents = new Map<string, Agent>();
  #count = 0;

  constructor(config: RtspConfig, dependencies: AgentsDependencies) {
    this.#config = config;
    this.#d = dependencies;
    const { core, lookup, random } = dependencies;
    this.#outgoing = new Outgoing({ ...config.client, section: 'rtsp.client' }, { clock: core.clock, lookup, random });
  }

  /** Takes up what the configuration names. Throws for names and URLs that are none. */
  open(): void {
    const { streams, scope } = this.#d.core;
    if (this.#config.client.hosts.length > 0) {
      const claims = (name: string): boolean => this.#claims(name);
      const make = (uri: string): PullSource => this.#source(strangersPlan(uri, uri), this.#outgoing.newAttempts());
      streams.addSource(new UriSources({ name: 'rtsp uri' }, { claims, make }), scope);
    }
    for (const { name, url, user, password, transport } of this.#config.pull) {
      const parsed = parseRtspUrl(url);
      const login = { user: user ?? parsed.user, password: password?.reveal() ?? parsed.password };
      this.#add({ stream: parseStreamName(name), url: parsed, ...login, transport, trusted: true });
    }
  }

  start(request: RtspAgentRequest): RtspAgentReport {
    const { host, target } = parseRtspUrl(request.uri);
    this.#outgoing.guard.check(host);
    const agent = this.#add(strangersPlan(parseStreamName(request.stream ?? target), request.uri));
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
  #claims(streamName: string): boolean {
    const url = findRtspUrl(streamName);
    return url !== undefined && this.#outgoing.guard.permits(url.host);
  }

  #add(plan: Plan): Agent {
    const { core } = this.#d;
    for (const { stream } of this.#agents.values()) {
      if (stream === plan.stream) throw new SwitchyardError('stream-name-taken', { stream });
    }
    this.#count += 1;
    const id = `rtsp-agent-${this.#count}`;
    const scope = core.scope.child(id);
    const attempts = this.#outgoing.newAttempts();
    const source = this.#source(plan, attempts);
    const agent: Agent = { id, stream: plan.stream, uri: plan.url.target, scope, attempts, source };
    this.#agents.set(id, agent);
    scope.defer(() => {
      this.#agents.delete(id);
    });
    core.streams.addSource(source, scope);
    return agent;
  }

  #source(plan: Plan, attempts: Attempts): PullSource {
    const { clock, streams } = this.#d.core;
    const fetch = (_streamName: string, scope: Scope): Promise<void> => this.#fetch(plan, scope);
    return new PullSource({ name: 'rtsp pull', stream: plan.stream }, { clock, streams, attempts, fetch });
  }

  async #fetch(plan: Plan, scope: Scope): Promise<void> {
    const { core, plane, counters } = this.#d;
    const { client: settings } = this.#config;
    const { url, trusted } = plan;
    const socket = await this.#outgoing.connect({ ...url, trusted }, scope);
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

function strangersPlan(stream: string, uri: string): Plan {
  const url = parseRtspUrl(uri);
  const { user, password } = url;
  return { stream, url, user, password, transport: 'auto', trusted: false };
}

function report({ id, stream, uri, attempts }: Agent): RtspAgentReport {
  return { id, stream, uri, ...attempts.report };
}
