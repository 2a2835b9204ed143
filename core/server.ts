import { join } from 'node:path';
import { AccessControl } from './access/access-control.ts';
import { AdminCredential, Administrator } from './access/admin-credential.ts';
import { type ConfigSources, type Configuration, readConfiguration } from './config/configuration.ts';
import { sameConfig } from './config/same-config.ts';
import type { Core } from './core.ts';
import { describeError, isError } from './errors.ts';
import { EventBus } from './events/bus.ts';
import { ConfigurationApplied } from './events/catalogue.ts';
import type { CloseReason } from './lifecycle/close-reason.ts';
import { Scope } from './lifecycle/scope.ts';
import type { AdvertisedUrl, Module } from './modules/module.ts';
import { ModuleLoader } from './modules/module-loader.ts';
import { ServerControl, type ServerInspection } from './modules/server-control.ts';
import { ServiceRegistry } from './modules/service-registry.ts';
import { logEvents } from './observe/event-log.ts';
import type { Log } from './observe/log.ts';
import type { LogSettings } from './observe/log-settings.ts';
import { type AdjustableLog, openLog, standardOutput } from './observe/pino-log.ts';
import { measureProcess } from './observe/process-metrics.ts';
import { PrometheusMetrics } from './observe/prometheus-metrics.ts';
import { measureStreams } from './observe/stream-metrics.ts';
import { type ServerSettings, sectionPlans } from './server-settings.ts';
import { SessionRegistry } from './sessions/session-registry.ts';
import { StreamRegistry } from './streams/stream-registry.ts';
import type { StreamSettings } from './streams/stream-settings.ts';
import type { Clock } from './time/clock.ts';
import { SystemClock } from './time/system-clock.ts';
import { CertificateStore, Certificates } from './tls/certificates.ts';

export interface ServerOptions {
  /** Everything that the configuration may enable. */
  readonly modules: readonly Module[];
  /** The layers of the configuration; or `config` alone, a plain tree without environment. */
  readonly sources?: ConfigSources;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
  /** Standard output as the `log` section says, when not told. */
  readonly log?: Log | AdjustableLog;
  /** Where certificates and hashes are kept unless `server.data` tells; with neither they live in memory. */
  readonly dataFolder?: string;
  /** Shows the administrator's password, which is made at the first start and told once. */
  readonly onPasswordMade?: (user: string, password: string) => void;
}

/** A configuration for programs and tests: a tree, and no world around it. */
export function plainSources(tree: Readonly<Record<string, unknown>>): ConfigSources {
  const readFile = (path: string): never => {
    throw new Error(`no file is read here: ${path}`);
  };
  return { tree, surroundings: { folder: '/', environment: {}, readFile } };
}

/** Reads the configuration and wires a server; nothing is opened yet. Throws `config-invalid`. */
export function createServer(options: ServerOptions): Server {
  const sources = options.sources ?? plainSources(options.config ?? {});
  return new Server(options, readConfiguration(sectionPlans(options.modules), sources));
}

/** One media server. Several may run in one process. */
export class Server implements ServerControl {
  /** The server's own view; each module gets one with its own scope, log and services. */
  readonly core: Core;
  readonly #loader: ModuleLoader;
  readonly #adjustLog: (settings: LogSettings) => void;
  readonly #startedAt: number;
  readonly #administrator: AdminCredential;
  #modules: readonly Module[];
  #configuration: Configuration;
  #stopped: Promise<void> | undefined;

  constructor(options: ServerOptions, configuration: Configuration) {
    this.#modules = options.modules;
    this.#configuration = configuration;
    const clock = options.clock ?? new SystemClock();
    this.#startedAt = clock.now();
    const { log, adjust } = chooseLog(options, section<LogSettings>(configuration, 'log'));
    this.#adjustLog = adjust;
    adjust(section<LogSettings>(configuration, 'log'));
    const scope = Scope.root('server', (name, error) => log.error('A cleanup failed.', { scope: name, error }));
    const metrics = new PrometheusMetrics({
      onFailure: (metric, error) => log.error('A metric cannot be read.', { metric, error }),
    });
    const observe = { log, metrics };
    const events = new EventBus((event, error) => log.error('A listener failed.', { event, error }));
    logEvents(events, scope, log);
    const access = new AccessControl();
    const sessions = new SessionRegistry({ clock, events });
    const streamSettings = section<StreamSettings>(configuration, 'streams');
    const streams = new StreamRegistry(streamSettings, { clock, scope, events, observe, access, sessions });
    const services = new ServiceRegistry();
    this.core = { clock, scope, events, observe, access, sessions, streams, services: services.viewFor(scope) };
    this.#loader = new ModuleLoader({
      clock,
      scope,
      log,
      events,
      coreFor: (module, own) => ({
        ...this.core,
        scope: own,
        observe: { log: log.child({ module }), metrics },
        services: services.viewFor(own),
      }),
    });
    this.core.services.provide(ServerControl, this);
    const folder = this.settings.data ?? options.dataFolder;
    this.#administrator = new AdminCredential(
      { file: folder === undefined ? undefined : join(folder, 'administrator.hash') },
      { clock, onMade: options.onPasswordMade ?? (() => undefined) },
    );
    this.core.services.provide(Administrator, this.#administrator);
    const tlsFolder = folder === undefined ? undefined : join(folder, 'tls');
    this.core.services.provide(Certificates, new CertificateStore({ folder: tlsFolder }, { clock, log }));
    measureServer(this.core, this.#loader);
    measureStreams({ streams, events, metrics, scope });
  }

  /** Resolves once all enabled modules accept clients. Starts all or none; rejects with the first failure. */
  async start(): Promise<void> {
    measureProcess(this.core.scope, this.core.observe.metrics);
    // Beside the modules' start: the first password takes a while to hash. Without one, nobody administers from afar.
    const credential = this.#administrator.open().catch((error: unknown) => {
      this.core.observe.log.error(describeError(error));
    });
    try {
      await this.#loader.start(this.#wanted(this.#modules, this.#configuration), this.#drain);
      await credential;
    } catch (error) {
      await this.core.scope.close({ code: 'failed', detail: describeError(error), error });
      throw error;
    }
  }

  /**
   * Applies a changed configuration: only modules whose section changed, and those that need them, notice.
   * Throws `config-invalid` or what makes the modules' plan impossible; the server then runs on as it was.
   */
  async reload(wanted: ConfigSources | Readonly<Record<string, unknown>>, modules = this.#modules): Promise<void> {
    const sources = isSources(wanted) ? wanted : plainSources(wanted);
    const { log } = this.core.observe;
    try {
      const configuration = readConfiguration(sectionPlans(modules), sources);
      await this.#loader.apply(this.#wanted(modules, configuration), this.#drain);
      this.#adjustLog(section<LogSettings>(configuration, 'log'));
      this.core.streams.adjust(section<StreamSettings>(configuration, 'streams'));
      const changed = changedSections(this.#configuration, configuration);
      this.#configuration = configuration;
      this.#modules = modules;
      log.info('The configuration is applied.', { changed });
      this.core.events.emit(ConfigurationApplied, { changed });
    } catch (error) {
      this.tellNotApplied(error);
      throw error;
    }
  }

  /** Logs why a changed configuration leaves the server as it was, one line for each problem. */
  tellNotApplied(error: unknown): undefined {
    const problems = isError(error, 'config-invalid') ? error.detail.problems.split('\n') : [describeError(error)];
    for (const problem of problems) {
      this.core.observe.log.error(`The changed configuration is not applied: ${problem.trim()}`);
    }
  }

  /** Drains for `server.drain`, then cuts. Idempotent; never rejects. */
  stop(reason: CloseReason = { code: 'shutdown' }): Promise<void> {
    this.#stopped ??= this.#loader.stop(reason, this.#drain).then(() => this.core.scope.close(reason));
    return this.#stopped;
  }

  /** What people can open; `HOST` and `NAME` stand as such. */
  urls(): readonly AdvertisedUrl[] {
    return this.#loader.urls();
  }

  inspect(): ServerInspection {
    const { clock, scope, sessions, streams } = this.core;
    return {
      uptimeSeconds: Math.floor((clock.now() - this.#startedAt) / 1e6),
      openScopes: scope.openScopes,
      sessions: sessions.count(),
      streams: [...streams.all()].length,
      modules: this.#loader.inspect(),
      disabled: [...this.#configuration.disabled],
    };
  }

  /** The server's own section. */
  get settings(): ServerSettings {
    return section<ServerSettings>(this.#configuration, 'server');
  }

  get #drain(): ServerSettings['drain'] {
    return this.settings.drain;
  }

  #wanted(modules: readonly Module[], { sections }: Configuration) {
    return { modules: modules.filter((module) => sections.has(module.name)), sections };
  }
}

/** A section of the server's own: its schema stands in `sectionPlans`. */
function section<Config>(configuration: Configuration, name: string): Config {
  return configuration.sections.get(name) as Config;
}

/** Sections that are new, gone or say something else. */
function changedSections(before: Configuration, after: Configuration): readonly string[] {
  const names = new Set([...before.sections.keys(), ...after.sections.keys()]);
  return [...names].filter((name) => !sameConfig(before.sections.get(name), after.sections.get(name)));
}

function isSources(given: ConfigSources | Readonly<Record<string, unknown>>): given is ConfigSources {
  return typeof given['surroundings' as keyof typeof given] === 'object';
}

function chooseLog(options: ServerOptions, settings: LogSettings) {
  const log: Log | AdjustableLog = options.log ?? openLog(settings, standardOutput());
  const adjust = (changed: LogSettings): void => {
    if (isAdjustable(log)) log.adjust(changed);
  };
  return { log, adjust };
}

function isAdjustable(log: Log | AdjustableLog): log is AdjustableLog {
  return 'adjust' in log;
}

function measureServer(core: Core, loader: ModuleLoader): void {
  const { metrics } = core.observe;
  metrics.gauge(core.scope, { name: 'sessions', help: 'Open sessions.', labels: ['protocol'] }, () => {
    const counts = new Map<string, number>();
    for (const { protocol } of core.sessions.all()) counts.set(protocol, (counts.get(protocol) ?? 0) + 1);
    return [...counts].map(([protocol, value]) => ({ labels: { protocol }, value }));
  });
  metrics.counter(
    core.scope,
    { name: 'sessions_opened_total', help: 'Sessions since the start.' },
    () => core.sessions.opened,
  );
  metrics.gauge(core.scope, { name: 'module_up', help: 'Whether the module runs.', labels: ['module'] }, () =>
    loader.inspect().map(({ module, state }) => ({ labels: { module }, value: state === 'running' ? 1 : 0 })),
  );
}
