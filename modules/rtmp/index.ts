import { lookup } from 'node:dns/promises';
import type { Core } from '../../core/core.ts';
import type { AdvertisedUrl, Module, RunningModule } from '../../core/modules/module.ts';
import { WritePacer } from '../../core/streams/write-pacer.ts';
import { measureBusyness } from '../../core/time/busyness.ts';
import { Batches } from './batches.ts';
import { type RtmpConfig, rtmpConfig } from './config.ts';
import { RtmpRelays } from './contract.ts';
import { RtmpListener } from './listener.ts';
import { measureRtmp, RtmpCounters } from './metrics.ts';
import { ReadPacer } from './read-pacer.ts';
import { Relays } from './relays.ts';

/** RTMP and RTMPS, server and client. */
export const rtmpModule: Module<RtmpConfig> = {
  name: 'rtmp',
  about: 'RTMP and RTMPS: encoders publish, players play; push to other servers and pull from them.',
  config: rtmpConfig,
  provides: [RtmpRelays],
  configure: (core, config) => new RunningRtmp(config, core),
};

class RunningRtmp implements RunningModule {
  readonly #config: RtmpConfig;
  readonly #counters = new RtmpCounters();
  readonly #pacer: WritePacer<Batches>;
  readonly #readPacer: ReadPacer;
  readonly #listener: RtmpListener;
  readonly #relays: Relays;

  constructor(config: RtmpConfig, core: Core) {
    this.#config = config;
    const { clock, scope } = core;
    const counters = this.#counters;
    this.#pacer = new WritePacer(
      { merge: config.merge, share: () => new Batches() },
      { clock, scope, busyness: measureBusyness() },
    );
    this.#readPacer = new ReadPacer({ gather: config.gather }, { clock, scope, messages: () => counters.messagesIn });
    this.#listener = new RtmpListener(config, { core, counters, pacer: this.#pacer, readPacer: this.#readPacer });
    this.#relays = new Relays(config, {
      core,
      counters,
      pacer: this.#pacer,
      lookup: (host) => lookup(host, { all: true }),
      random: Math.random,
    });
    core.services.provide(RtmpRelays, this.#relays);
    measureRtmp(core, counters, () => this.#pacer.interval);
  }

  async start(): Promise<void> {
    await this.#listener.open();
    this.#relays.start();
  }

  stop(deadline: AbortSignal): Promise<void> {
    return this.#listener.close(deadline);
  }

  inspect(): Record<string, unknown> {
    return {
      ...this.#counters.read(),
      mergingMillis: this.#pacer.interval / 1_000,
      gatheringMillis: this.#readPacer.interval / 1_000,
      ports: this.#listener.ports,
      relays: this.#relays.list(),
    };
  }

  get urls(): readonly AdvertisedUrl[] {
    const { listen, secure } = this.#config;
    const { plain = listen.port, secure: securePort = secure.port } = this.#listener.ports;
    const urls: AdvertisedUrl[] = [];
    const add = (protocol: string, url: string): void => {
      urls.push({ protocol, direction: 'publish', url }, { protocol, direction: 'play', url });
    };
    if (listen.enabled) add('rtmp', `rtmp://HOST${plain === 1935 ? '' : `:${plain}`}/live/NAME`);
    if (secure.certificate !== undefined && secure.key !== undefined)
      add('rtmps', `rtmps://HOST:${securePort}/live/NAME`);
    return urls;
  }
}
