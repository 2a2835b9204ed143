import type { Core } from '../../core/core.ts';
import { SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Module, RunningModule } from '../../core/modules/module.ts';
import type { StreamSource } from '../../core/streams/requests.ts';
import { FfmpegTool } from '../ffmpeg/ffmpeg.ts';
import { type VodConfig, vodConfig } from './config.ts';
import { findFile, readFileName } from './file-name.ts';
import { playFile } from './file-playback.ts';

export const vod: Module<VodConfig> = {
  name: 'vod',
  about: 'Files of one folder as streams, while somebody watches: vod://FILE and vod-live://FILE.',
  config: vodConfig,
  uses: [FfmpegTool],
  configure: (core, config) => new Vod(config, core),
};

/** Brings files as streams while they are wanted. */
class Vod implements RunningModule, StreamSource {
  readonly name = 'vod';
  readonly #config: VodConfig;
  readonly #core: Core;
  readonly #playing = new Set<string>();
  #played = 0;

  constructor(config: VodConfig, core: Core) {
    this.#config = config;
    this.#core = core;
    const { scope, observe } = core;
    observe.metrics.gauge(scope, { name: 'vod_files', help: 'Files that are read now.' }, () => this.#playing.size);
    observe.metrics.counter(scope, { name: 'vod_played_total', help: 'Files that were begun.' }, () => this.#played);
  }

  async start(): Promise<void> {
    if (this.#config.folder !== undefined) this.#core.streams.addSource(this, this.#core.scope);
  }

  async stop(): Promise<void> {
    // Files end with their streams.
  }

  inspect(): Record<string, unknown> {
    return { folder: this.#config.folder, playing: [...this.#playing], played: this.#played };
  }

  claims(streamName: string): boolean {
    return readFileName(streamName) !== undefined;
  }

  async open(streamName: string, scope: Scope): Promise<void> {
    const { folder, loop, maximum } = this.#config;
    const name = readFileName(streamName);
    const ffmpeg = this.#core.services.find(FfmpegTool);
    await ffmpeg?.ready;
    if (ffmpeg?.capabilities === undefined) throw failed(streamName, 'there is no ffmpeg');
    if (this.#playing.size >= maximum) {
      throw new SwitchyardError('limit-reached', { what: 'files that are read at a time', limit: maximum });
    }
    this.#playing.add(streamName);
    scope.defer(() => {
      this.#playing.delete(streamName);
    });
    const file = folder === undefined || name === undefined ? undefined : await findFile(folder, name);
    if (file === undefined || name === undefined) throw failed(streamName, 'there is no such file');
    await playFile({ file, streamName, loop: name.live && loop }, { core: this.#core, ffmpeg, scope });
    this.#played += 1;
  }
}

function failed(stream: string, why: string): SwitchyardError {
  return new SwitchyardError('source-failed', { stream, why });
}
