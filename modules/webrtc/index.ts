import type { Core } from '../../core/core.ts';
import type { Module, RunningModule } from '../../core/modules/module.ts';
import { Occupancy } from '../../core/net/occupancy.ts';
import { HttpRoutes } from '../http/contract.ts';
import { PeerPlane, RtpPlane } from '../rtp/contract.ts';
import { type WebRtcConfig, webrtcConfig } from './config.ts';
import { WebRtcPeers } from './contract.ts';
import { measureWebRtc, WebRtcCounters } from './metrics.ts';
import { Peers } from './peers.ts';
import { Resources } from './resources.ts';
import { mountWhep } from './whep.ts';
import { mountWhip } from './whip.ts';

/** WebRTC: offers are answered, for modules that only signal, and by WHIP and WHEP. */
export const webrtcModule: Module<WebRtcConfig> = {
  name: 'webrtc',
  about: 'WebRTC: publishing at /whip/NAME and playing at /whep/NAME, and peers for those who signal otherwise.',
  config: webrtcConfig,
  provides: [WebRtcPeers],
  requires: [RtpPlane, PeerPlane],
  uses: [HttpRoutes],
  configure: (core, config) => new WebRtc(config, core),
};

class WebRtc implements RunningModule {
  readonly #counters = new WebRtcCounters();
  readonly #resources: Resources;

  constructor(config: WebRtcConfig, core: Core) {
    const { services } = core;
    const counters = this.#counters;
    const peers = new Peers(config, { core, counters, rtp: services.get(RtpPlane), plane: services.get(PeerPlane) });
    services.provide(WebRtcPeers, peers);
    this.#resources = new Resources(core.clock);
    measureWebRtc(core, counters);
    const routes = services.find(HttpRoutes);
    if (routes === undefined) return;
    const settings = { iceServers: config.iceServers.map(revealed), origins: config.origins };
    const { sessions, perAddress } = config.limits;
    const occupancy = new Occupancy({ total: sessions, perAddress });
    const dependencies = { core, routes, peers, occupancy, resources: this.#resources };
    if (config.whip) mountWhip(settings, dependencies);
    if (config.whep) mountWhep(settings, dependencies);
  }

  async start(): Promise<void> {
    // Routes hang on the module http, transports on the module rtp.
  }

  stop(): Promise<void> {
    return this.#resources.closeAll({ code: 'shutdown' });
  }

  inspect(): Record<string, unknown> {
    return { ...this.#counters.read(), sessions: this.#resources.count };
  }
}

/** Clients are told the credentials: that is what they are for. */
function revealed({ url, username, credential }: WebRtcConfig['iceServers'][number]) {
  return {
    url,
    ...(username === undefined ? {} : { username }),
    ...(credential === undefined ? {} : { credential: credential.reveal() }),
  };
}
