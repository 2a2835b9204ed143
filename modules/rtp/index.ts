import type { Core } from '../../core/core.ts';
import type { Module, RunningModule } from '../../core/modules/module.ts';
import { type RtpConfig, rtpConfig } from './config.ts';
import { RtpPlane } from './contract.ts';
import { measureRtp } from './metrics.ts';
import { Plane } from './plane.ts';

/** The media plane: RTP and RTCP for the modules that signal. */
export const rtpModule: Module<RtpConfig> = {
  name: 'rtp',
  about: 'The media plane: RTP and RTCP over UDP and over connections, for RTSP and others that signal.',
  config: rtpConfig,
  provides: [RtpPlane],
  configure,
};

function configure(core: Core, config: RtpConfig): RunningModule {
  const plane = new Plane(config, core);
  core.services.provide(RtpPlane, plane);
  measureRtp(core, plane.counters);
  return {
    // Ports are opened when a peer needs them.
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    inspect: () => ({ ...plane.counters, openPairs: plane.ports.open, mergingMillis: plane.merging / 1_000 }),
  };
}
