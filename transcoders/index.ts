import type { Core } from '../core/core.ts';
import type { Module, RunningModule } from '../core/modules/module.ts';
import { Snapshots } from '../core/renditions/snapshots.ts';
import { AudioTranscoder } from './audio/audio-transcoder.ts';
import { G711Transcoder } from './audio/g711-transcoder.ts';
import { type TranscodingConfig, transcodingConfig } from './config.ts';
import { explainSubscriptions } from './explain.ts';
import { Ffmpeg, FfmpegTool } from './ffmpeg/ffmpeg.ts';
import { measureRenditions } from './metrics.ts';
import { SnapshotTaker } from './snapshot/snapshot-taker.ts';
import { VideoTranscoder } from './video/video-transcoder.ts';
import { vod } from './vod/index.ts';

const transcoding: Module<TranscodingConfig> = {
  name: 'transcoding',
  about: 'Gives viewers the codec and size that they take, by ffmpeg; profiles by name; snapshots.',
  config: transcodingConfig,
  provides: [Snapshots, FfmpegTool],
  configure: (core, config) => new Transcoding(core, config),
};

/** What turns media into other media; the entry point joins it to the modules. */
export const transcoders: readonly Module[] = [transcoding, vod] as readonly Module[];

class Transcoding implements RunningModule {
  readonly #core: Core;
  readonly #config: TranscodingConfig;
  readonly #ffmpeg: Ffmpeg;
  #video: VideoTranscoder | undefined;

  constructor(core: Core, config: TranscodingConfig) {
    this.#core = core;
    this.#config = config;
    const { ffmpeg: program, nice, threads, hardware, grace, stallTimeout } = config;
    const settings = { program, nice, threads, hardware, grace, stallTimeout };
    this.#ffmpeg = new Ffmpeg(settings, { clock: core.clock, log: core.observe.log });
    const snapshots = new SnapshotTaker({ ffmpeg: this.#ffmpeg, streams: core.streams, scope: core.scope });
    core.services.provide(Snapshots, snapshots);
    core.services.provide(FfmpegTool, this.#ffmpeg);
    core.streams.renditions.offerProfiles(config.profiles, core.scope);
    measureRenditions(core);
  }

  /** The program is asked what it can do while the ports are opened; wishes wait for the answer. */
  async start(): Promise<void> {
    const { scope, streams } = this.#core;
    const ready = this.#ffmpeg.probe(scope);
    const dependencies = { ffmpeg: this.#ffmpeg };
    const { preset } = this.#config;
    streams.renditions.add(new G711Transcoder(), scope);
    streams.renditions.add(new AudioTranscoder(dependencies), scope, ready);
    const video = new VideoTranscoder(preset === undefined ? {} : { preset }, dependencies);
    streams.renditions.add(
      video,
      scope,
      ready.then(() => video.tryHardware(scope)),
    );
    this.#video = video;
  }

  async stop(): Promise<void> {
    // The streams have ended before, and their renditions with them.
  }

  inspect(): Record<string, unknown> {
    const { renditions } = this.#core.streams;
    return {
      ffmpeg: this.#ffmpeg.capabilities?.version,
      hardware: this.#video?.hardware,
      budget: renditions.budget,
      spent: renditions.spent,
      profiles: [...renditions.profiles.keys()],
      renditions: [...renditions.all()].map((rendition) => ({
        stream: rendition.stream.name,
        track: rendition.settings.id,
        transcoder: rendition.transcoder.name,
        cores: rendition.settings.cores,
        restarts: rendition.restarts,
        units: rendition.track?.counters.units ?? 0,
      })),
      explain: explainSubscriptions(this.#core.streams),
    };
  }
}
