import type { Core } from '../../core/core.ts';
import type { AdvertisedUrl, Module, RunningModule } from '../../core/modules/module.ts';
import { WritePacer } from '../../core/streams/write-pacer.ts';
import { measureBusyness } from '../../core/time/busyness.ts';
import { every } from '../../core/time/clock.ts';
import { seconds } from '../../core/time/micros.ts';
import { WebRtcPeers } from '../webrtc/contract.ts';
import { Batches } from './batches.ts';
import { ClientMetrics } from './client-metrics.ts';
import { type WebSocketConfig, websocketConfig } from './config.ts';
import { WebSocketClients } from './contract.ts';
import { measureViews } from './jsmpeg/metrics.ts';
import { JsmpegView } from './jsmpeg/view.ts';
import { WebSocketListener } from './listener.ts';
import { LiveStreams } from './live-streams.ts';
import { measureWebSocket, WebSocketCounters } from './metrics.ts';
import type { PeerStream } from './peer-stream.ts';
import { Peers } from './peers.ts';
import { Rooms } from './rooms.ts';
import { tellViewers } from './viewer-events.ts';

/** The WCS client protocol: signalling in JSON over WebSocket, and media for players without WebRTC. */
export const websocketModule: Module<WebSocketConfig> = {
  name: 'websocket',
  about: 'The WCS client protocol over WebSocket: signalling, rooms, and media for Media Source players.',
  config: websocketConfig,
  provides: [WebSocketClients],
  uses: [WebRtcPeers],
  configure: (core, config) => new RunningWebSocket(config, core),
};

const rateInterval = seconds(1);

class RunningWebSocket implements RunningModule {
  readonly #core: Core;
  readonly #counters = new WebSocketCounters();
  readonly #streams = new LiveStreams();
  readonly #rooms: Rooms;
  readonly #peers: Peers;
  readonly #view: JsmpegView;
  readonly #listener: WebSocketListener;
  /** Bytes of video at the last look. */
  readonly #videoBytes = new WeakMap<PeerStream, number>();

  constructor(config: WebSocketConfig, core: Core) {
    this.#core = core;
    const { clock, scope } = core;
    const counters = this.#counters;
    const pacer = new WritePacer<Batches>(
      { merge: config.merge, share: () => new Batches() },
      { clock, scope, busyness: measureBusyness() },
    );
    this.#rooms = new Rooms(config.rooms);
    const metrics = new ClientMetrics(config.clientMetrics, core);
    this.#peers = new Peers(config, {
      ...{ core, counters, pacer, metrics },
      rooms: this.#rooms,
      streams: this.#streams,
    });
    this.#view = new JsmpegView(config, { core, busyness: measureBusyness() });
    this.#listener = new WebSocketListener(config, {
      core,
      counters,
      view: this.#view,
      onSocket: (socket) => this.#peers.accept(socket),
    });
    core.services.provide(WebSocketClients, {
      pushData: (sessionId, payload) => this.#pushData(sessionId, payload),
      sendStreamData: (stream, payload) => this.#sendStreamData(stream, payload),
    });
    tellViewers(core, this.#streams);
    measureWebSocket(core, counters);
    measureViews(core, this.#view.counters);
  }

  async start(): Promise<void> {
    await this.#listener.open();
    const { scope, clock } = this.#core;
    every(scope, clock, rateInterval, () => this.#peers.tellRates((stream) => this.#measure(stream)));
  }

  stop(deadline: AbortSignal): Promise<void> {
    this.#peers.dismiss({ code: 'shutdown' });
    this.#view.dismiss({ code: 'shutdown' });
    return this.#listener.close(deadline);
  }

  inspect(): Record<string, unknown> {
    return {
      ...this.#counters.read(),
      jsmpeg: this.#view.counters.read(),
      rooms: this.#rooms.count,
      ports: { ...this.#listener.ports },
    };
  }

  get urls(): readonly AdvertisedUrl[] {
    const { plain, secure } = this.#listener.ports;
    const urls: AdvertisedUrl[] = [];
    if (plain !== undefined) urls.push({ protocol: 'websocket', direction: 'open', url: `ws://HOST:${plain}/` });
    if (secure !== undefined) urls.push({ protocol: 'websocket', direction: 'open', url: `wss://HOST:${secure}/` });
    return [...urls, ...urls.flatMap((one) => this.#viewUrl(one))];
  }

  #viewUrl({ url }: AdvertisedUrl): AdvertisedUrl[] {
    return this.#view.isEnabled ? [{ protocol: 'jsmpeg', direction: 'play', url: `${url}jsmpeg/NAME` }] : [];
  }

  /** Bits of video in the last second; undefined where the client has nothing to compare them with. */
  #measure(stream: PeerStream): number | undefined {
    const bytes = stream.videoBytes?.();
    if (bytes === undefined) return undefined;
    const before = this.#videoBytes.get(stream);
    this.#videoBytes.set(stream, bytes);
    return before === undefined ? undefined : (bytes - before) * 8;
  }

  #pushData(sessionId: string, payload: unknown): boolean {
    const session = this.#peers.find(sessionId);
    session?.send(['OnDataEvent', { operationId: '', payload }]);
    return session !== undefined;
  }

  #sendStreamData(name: string, payload: unknown): number {
    const stream = this.#core.streams.find(name);
    if (stream === undefined) return 0;
    let told = 0;
    for (const viewer of this.#streams.viewersOf(stream)) {
      viewer.tellEvent('data', payload);
      told += 1;
    }
    return told;
  }
}
