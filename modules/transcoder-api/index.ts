import type { Core } from '../../core/core.ts';
import type { Module, RunningModule } from '../../core/modules/module.ts';
import { Snapshots } from '../../core/renditions/snapshots.ts';
import { HttpRoutes } from '../http/contract.ts';
import { type TranscoderApiConfig, transcoderApiConfig } from './config.ts';
import { addSnapshotRoutes, addThumbnailRoutes } from './snapshot-routes.ts';
import { TranscodedStreams } from './transcoded-streams.ts';
import { addTranscoderRoutes } from './transcoder-routes.ts';

export const transcoderApiModule: Module<TranscoderApiConfig> = {
  name: 'transcoder-api',
  about: 'Transcoders and snapshots over REST, thumbnails for the page.',
  config: transcoderApiConfig,
  requires: [HttpRoutes],
  uses: [Snapshots],
  configure: (core, config) => new TranscoderApi(core, config),
};

class TranscoderApi implements RunningModule {
  readonly #streams: TranscodedStreams;

  constructor(core: Core, config: TranscoderApiConfig) {
    this.#streams = new TranscodedStreams({ maximum: config.maximum }, core);
    const routes = core.services.get(HttpRoutes);
    const { scope } = core;
    const administration = { access: 'administration' } as const;
    routes.mount('/rest-api/transcoder', scope, administration, (app) => addTranscoderRoutes(app, this.#streams));
    // Looked up at each request: transcoding may be switched on and off while this runs.
    const snapshots = () => core.services.get(Snapshots);
    routes.mount('/rest-api/stream/snapshot', scope, administration, (app) => addSnapshotRoutes(app, snapshots));
    if (!config.thumbnails) return;
    routes.mount('/thumbnails', scope, { access: 'public' }, (app) => addThumbnailRoutes(app, core, snapshots));
  }

  async start(): Promise<void> {
    // The routes hang on the module http, which serves them.
  }

  async stop(): Promise<void> {
    await this.#streams.stop();
  }

  inspect(): Record<string, unknown> {
    return { transcoders: this.#streams.all().map(({ uri, localStreamName }) => ({ uri, localStreamName })) };
  }
}
