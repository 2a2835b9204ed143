import type { Core } from '../../core/core.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { RunningModule } from '../../core/modules/module.ts';
import type { ServiceKey, Services } from '../../core/modules/service.ts';
import { CertificateStore, Certificates } from '../../core/tls/certificates.ts';
import { type HlsConfig, hlsConfig } from '../../modules/hls/config.ts';
import { hlsModule } from '../../modules/hls/index.ts';
import { readSection, TestCore, type TestCoreOptions } from './test-core.ts';

/** The HLS module alone on a core of its own, on ports that the system chose. */
export class HlsServer {
  readonly core: TestCore;
  readonly config: HlsConfig;
  readonly running: RunningModule;
  readonly scope: Scope;

  private constructor(core: TestCore, config: HlsConfig) {
    this.core = core;
    this.config = config;
    this.scope = core.scope.child('hls');
    const services = certificatesOnly(
      new CertificateStore({ folder: undefined }, { clock: core.clock, log: core.observe.log }),
    );
    const own: Core = {
      clock: core.clock,
      events: core.events,
      observe: core.observe,
      access: core.access,
      sessions: core.sessions,
      streams: core.streams,
      scope: this.scope,
      services,
    };
    this.running = hlsModule.configure(own, config);
  }

  static async start(tree: Record<string, unknown> = {}, options: TestCoreOptions = {}): Promise<HlsServer> {
    const local = { host: '127.0.0.1', port: 0 };
    const config = readSection(hlsConfig, { listen: local, secure: { ...local, enabled: false }, ...tree });
    const server = new HlsServer(new TestCore(options), config);
    try {
      await server.running.start();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get port(): number {
    return this.fact('port');
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get secureUrl(): string {
    return `https://127.0.0.1:${this.fact('securePort')}`;
  }

  /** A number out of the inspection tree. */
  fact(name: string): number {
    const value = this.running.inspect?.()[name];
    if (typeof value !== 'number') throw new Error(`no number named ${name}`);
    return value;
  }

  async stop(): Promise<void> {
    await this.running.stop(AbortSignal.abort());
    await this.scope.close({ code: 'shutdown' });
    await this.core.close();
  }
}

function certificatesOnly(store: CertificateStore): Services {
  return {
    get: () => {
      throw new Error('a test gives certificates alone');
    },
    find: <T>(key: ServiceKey<T>) => (key.name === Certificates.name ? (store as T) : undefined),
    provide: () => undefined,
  };
}
