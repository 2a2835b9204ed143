import { lookup } from 'node:dns/promises';
import type { Core } from '../../core/core.ts';
import type { AdvertisedUrl, Module, RunningModule } from '../../core/modules/module.ts';
import { RtpPlane } from '../rtp/contract.ts';
import { Agents } from './agents.ts';
import { type RtspConfig, rtspConfig } from './config.ts';
import { RtspAgents } from './contract.ts';
import { RtspListener } from './listener.ts';
import { measureRtsp, RtspCounters } from './metrics.ts';

/** RTSP and RTSPS, server and client. */
export const rtspModule: Module<RtspConfig> = {
  name: 'rtsp',
  about: 'RTSP and RTSPS: players play, encoders publish; cameras and other servers are fetched.',
  config: rtspConfig,
  provides: [RtspAgents],
  requires: [RtpPlane],
  configure: (core, config) => new RunningRtsp(config, core),
};

class RunningRtsp implements RunningModule {
  readonly #config: RtspConfig;
  readonly #counters = new RtspCounters();
  readonly #listener: RtspListener;
  readonly #agents: Agents;

  constructor(config: RtspConfig, core: Core) {
    this.#config = config;
    const counters = this.#counters;
    const plane = core.services.get(RtpPlane);
    this.#listener = new RtspListener(config, { core, plane, counters });
    this.#agents = new Agents(config, {
      core,
      plane,
      counters,
      lookup: (host) => lookup(host, { all: true }),
      random: Math.random,
    });
    core.services.provide(RtspAgents, this.#agents);
    measureRtsp(core, counters);
  }

  async start(): Promise<void> {
    await this.#listener.open();
    this.#agents.open();
  }

  stop(deadline: AbortSignal): Promise<void> {
    return this.#listener.close(deadline);
  }

  inspect(): Record<string, unknown> {
    const { protocolErrors, ...numbers } = this.#counters;
    const { port, securePort } = this.#listener;
    return {
      ...numbers,
      protocolErrors: Object.fromEntries(protocolErrors),
      port,
      securePort,
      agents: this.#agents.list(),
    };
  }

  get urls(): readonly AdvertisedUrl[] {
    const { listen, secure } = this.#config;
    const { port, securePort } = this.#listener;
    const urls: AdvertisedUrl[] = [];
    const add = (protocol: string, url: string): void => {
      urls.push({ protocol, direction: 'publish', url }, { protocol, direction: 'play', url });
    };
    if (listen.enabled) add('rtsp', `rtsp://HOST${port === 554 ? '' : `:${port}`}/NAME`);
    if (secure.enabled) add('rtsps', `rtsps://HOST${securePort === 322 ? '' : `:${securePort}`}/NAME`);
    return urls;
  }
}
