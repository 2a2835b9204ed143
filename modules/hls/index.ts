import type { Core } from '../../core/core.ts';
import { StreamPublished } from '../../core/events/catalogue.ts';
import type { AdvertisedUrl, Module, RunningModule } from '../../core/modules/module.ts';
import { cmafVariant } from './cmaf.ts';
import { type HlsConfig, hlsConfig } from './config.ts';
import { newCounters } from './exchange.ts';
import { Listener } from './listener.ts';
import { measure } from './metrics.ts';
import { Muxers } from './muxers.ts';
import { Playback } from './playback.ts';
import { Viewers } from './viewers.ts';

/** HLS: low-latency fragmented MP4, and MPEG-TS for old players. */
export const hlsModule: Module<HlsConfig> = {
  name: 'hls',
  about: 'HLS playback over HTTP/1.1 and HTTP/2: low-latency fragmented MP4, and MPEG-TS for old players.',
  config: hlsConfig,
  configure,
};

function configure(core: Core, config: HlsConfig): RunningModule {
  const scope = core.scope;
  const counters = newCounters();
  const muxers = new Muxers(config, { core, scope });
  const viewers = new Viewers(config.limits, { core, scope });
  const playback = new Playback({ core, muxers, viewers });
  const listener = new Listener(config, { core, scope, counters, answer: (exchange) => playback.answer(exchange) });
  measure(core, { counters, listener, muxers, viewers });
  return {
    async start() {
      viewers.watch();
      if (config.autoStart) packageAll(core, muxers);
      await listener.start();
    },
    async stop(deadline) {
      muxers.release();
      await listener.stop(deadline);
    },
    inspect: () => ({
      port: listener.plainPort,
      securePort: listener.securePort,
      viewers: viewers.count,
      connections: listener.connections,
      cut: counters.cut,
      bytesOut: counters.bytesOut,
      keptBytes: muxers.budgets.memory.used,
      blocked: muxers.budgets.waits.waiting,
      muxers: muxers.inspect(),
    }),
    get urls() {
      return urlsOf(config, listener);
    },
  };
}

/** Every stream from its beginning, asked for or not. */
function packageAll(core: Core, muxers: Muxers): void {
  core.events.on(StreamPublished, core.scope, ({ stream }) => {
    muxers
      .slotFor(stream.name, cmafVariant)
      .demand.use(stream.scope)
      .catch((error: unknown) => core.observe.log.info('The stream is not packaged.', { stream: stream.name, error }));
  });
}

/** With the ports that were opened, which the system may have chosen. */
function urlsOf({ listen, secure }: HlsConfig, { plainPort, securePort }: Listener): readonly AdvertisedUrl[] {
  const urls: AdvertisedUrl[] = [];
  const add = (url: string): void => void urls.push({ protocol: 'hls', direction: 'play', url });
  const plain = plainPort === 0 ? listen.port : plainPort;
  if (listen.enabled) add(`http://HOST:${plain}/NAME/NAME.m3u8`);
  if (secure.enabled) add(`https://HOST:${securePort === 0 ? secure.port : securePort}/NAME/NAME.m3u8`);
  if (listen.enabled) add(`http://HOST:${plain}/NAME/ts.m3u8`);
  return urls;
}
