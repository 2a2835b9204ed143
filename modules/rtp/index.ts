import type { Core } from '../../core/core.ts';
import type { Module, RunningModule } from '../../core/modules/module.ts';
import { type RtpConfig, rtpConfig } from './config.ts';
import { PeerPlane, RtpPlane } from './contract.ts';
import { measureRtp } from './metrics.ts';
import { BrowserPlane } from './peers/peer-plane.ts';
import { Plane } from './plane.ts';
import { measurePorts } from './port-usage.ts';
import { measurePeers } from './transport/metrics.ts';
import { PeerTransports } from './transport/peer-transports.ts';

/** The media plane: RTP and RTCP for the modules that signal. */
export const rtpModule: Module<RtpConfig> = {
  name: 'rtp',
  about: 'The media plane: RTP and RTCP over UDP and over connections, for RTSP and others that signal.',
  config: rtpConfig,
  provides: [RtpPlane, PeerPlane],
  configure,
};

function configure(core: Core, config: RtpConfig): RunningModule {
  const plane = new Plane(config, core);
  core.services.provide(RtpPlane, plane);
  measureRtp(core, plane.counters);
  const transports = new PeerTransports(
    { ...config.peers, ports: config.ports },
    { clock: core.clock, log: core.observe.log, scope: core.scope },
  );
  core.services.provide(
    PeerPlane,
    new BrowserPlane(config, { core, counters: plane.counters, transports, pacer: plane.viewers }),
  );
  measurePeers(core, transports.counters);
  return {
    // Ports are opened when a peer needs them.
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    inspect: () => ({
      ...plane.counters,
      openPairs: plane.ports.open,
      ports: measurePorts(config.ports, [...plane.ports.numbers(), ...transports.ports]),
      mergingMillis: plane.merging / 1_000,
      peers: transports.inspect(),
    }),
  };
}
