import type { Core } from '../../core/core.ts';
import { ModuleStarted } from '../../core/events/catalogue.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Module, RunningModule } from '../../core/modules/module.ts';
import { ServerControl } from '../../core/modules/server-control.ts';
import { type DemoConfig, demoConfig } from './config.ts';
import { TestPicturePublisher } from './publisher.ts';

export const demo: Module<DemoConfig> = {
  name: 'demo',
  about: 'Publishes a test picture with a clock and a tone by RTMP (--demo).',
  config: demoConfig,
  optIn: true,
  configure: (core, config) => new Demo(core, config),
};

class Demo implements RunningModule {
  readonly #core: Core;
  readonly #config: DemoConfig;
  #url: string | undefined;
  #publishing: Scope | undefined;
  #publisher: TestPicturePublisher | undefined;

  constructor(core: Core, config: DemoConfig) {
    this.#core = core;
    this.#config = config;
  }

  async start(): Promise<void> {
    this.#publish();
    // The RTMP port may open after this module, or come back elsewhere when its section changes.
    this.#core.events.on(ModuleStarted, this.#core.scope, () => this.#publish());
  }

  async stop(): Promise<void> {
    await this.#publishing?.close({ code: 'shutdown' });
  }

  inspect(): Record<string, unknown> {
    return {
      stream: this.#config.stream,
      url: this.#url,
      state: this.#publisher?.state,
      starts: this.#publisher?.starts,
    };
  }

  #publish(): void {
    const url = this.#config.url ?? this.#findOwnUrl();
    if (url === undefined || url === this.#url) return;
    this.#url = url;
    void this.#publishing?.close({ code: 'restart' });
    const { clock, observe } = this.#core;
    const scope = this.#core.scope.child('test picture');
    this.#publishing = scope;
    this.#publisher = new TestPicturePublisher(this.#config, { url, scope, clock, log: observe.log });
    this.#publisher.start();
  }

  #findOwnUrl(): string | undefined {
    const urls = this.#core.services.find(ServerControl)?.urls() ?? [];
    const own = urls.find(({ protocol, direction, url }) => {
      return protocol === 'rtmp' && direction === 'publish' && url.startsWith('rtmp://HOST');
    });
    const port = own === undefined ? undefined : /^rtmp:\/\/HOST(?::(\d+))?\//.exec(own.url);
    return port === undefined || port === null
      ? undefined
      : `rtmp://127.0.0.1:${port[1] ?? '1935'}/${this.#config.stream}`;
  }
}
