import type { Core } from '../../core/core.ts';
import type { AdvertisedUrl, Module, RunningModule } from '../../core/modules/module.ts';
import { type HttpConfig, httpConfig } from './config.ts';
import { HttpRoutes } from './contract.ts';
import { HttpService } from './http-service.ts';

export const httpModule: Module<HttpConfig> = {
  name: 'http',
  about: 'REST interface, statistics, health and the page of live streams.',
  config: httpConfig,
  provides: [HttpRoutes],
  configure: (core, config) => new HttpModule(core, config),
};

class HttpModule implements RunningModule {
  readonly #service: HttpService;

  constructor(core: Core, config: HttpConfig) {
    this.#service = new HttpService(config, core);
    core.services.provide(HttpRoutes, this.#service.mounts);
  }

  get urls(): readonly AdvertisedUrl[] {
    return this.#service.urls();
  }

  start(): Promise<void> {
    return this.#service.start();
  }

  stop(deadline: AbortSignal): Promise<void> {
    return this.#service.stop(deadline);
  }

  inspect(): Record<string, unknown> {
    return this.#service.inspect();
  }
}
