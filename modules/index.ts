import type { Module } from '../core/modules/module.ts';
import { demo } from './demo/index.ts';
import { hlsModule } from './hls/index.ts';
import { httpModule } from './http/index.ts';
import { rtmpModule } from './rtmp/index.ts';
import { rtpModule } from './rtp/index.ts';
import { rtspModule } from './rtsp/index.ts';
import { transcoderApiModule } from './transcoder-api/index.ts';
import { webrtcModule } from './webrtc/index.ts';
import { websocketModule } from './websocket/index.ts';

/** The product on one screen: every module, in the order of the configuration file. */
export const modules: readonly Module[] = [
  rtmpModule,
  rtpModule,
  rtspModule,
  webrtcModule,
  hlsModule,
  httpModule,
  transcoderApiModule,
  websocketModule,
  demo,
] as readonly Module[];
