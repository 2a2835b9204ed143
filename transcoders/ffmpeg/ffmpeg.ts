import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { service } from '../../core/modules/service.ts';
import type { Log } from '../../core/observe/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';
import { type FfmpegCapabilities, probeFfmpeg } from './capabilities.ts';

export interface FfmpegSettings {
  /** A name on the path, or a path. */
  readonly program: string;
  readonly nice: number;
  /** Threads of one process, for decoding and for encoding each. */
  readonly threads: number;
  /** How long a process may take to end when it is asked to. */
  readonly grace: Micros;
  /** How long a process may take in media and give none. */
  readonly stallTimeout: Micros;
  /** Which hardware to encode with; `none` is software. */
  readonly hardware: 'none' | 'nvenc' | 'vaapi' | 'qsv';
}

export interface FfmpegDependencies {
  readonly clock: Clock;
  readonly log: Log;
}

/** The ffmpeg of this server, for those who need one of their own. */
export const FfmpegTool = service<Ffmpeg>('ffmpeg');

/** The ffmpeg of this server: where it is, what it can do, and how its processes are to run. */
export class Ffmpeg {
  readonly settings: FfmpegSettings;
  readonly clock: Clock;
  readonly log: Log;
  #capabilities: FfmpegCapabilities | undefined;
  #probing: Promise<void> = Promise.resolve();

  constructor(settings: FfmpegSettings, dependencies: FfmpegDependencies) {
    this.settings = settings;
    this.clock = dependencies.clock;
    this.log = dependencies.log;
  }

  /** Undefined until it was probed, and when there is none. */
  get capabilities(): FfmpegCapabilities | undefined {
    return this.#capabilities;
  }

  /** Resolves when the program has been asked, or at once when nobody has begun to. */
  get ready(): Promise<void> {
    return this.#probing;
  }

  /** Asks the program what it can do. Never rejects: without ffmpeg nothing has a cost, and the log says so. */
  probe(scope: Scope): Promise<void> {
    this.#probing = this.#probe(scope);
    return this.#probing;
  }

  async #probe(scope: Scope): Promise<void> {
    const { program } = this.settings;
    try {
      this.#capabilities = await probeFfmpeg(program, { clock: this.clock, scope });
      const { version, encoders, decoders } = this.#capabilities;
      this.log.info(`Transcoding with ffmpeg ${version}.`, { encoders: encoders.size, decoders: decoders.size });
    } catch (error) {
      if (scope.closed) return;
      const missing = new SwitchyardError('tool-missing', {
        tool: `ffmpeg ("${program}")`,
        needed: 'transcoding',
        remedy: 'Install it or set transcoding.ffmpeg; streams are passed through as they are until then.',
      });
      this.log.warn(missing.message, { why: describeError(error) });
    }
  }

  canEncode(encoder: string): boolean {
    return this.#capabilities?.encoders.has(encoder) === true;
  }

  canDecode(...decoders: readonly string[]): boolean {
    return decoders.some((decoder) => this.#capabilities?.decoders.has(decoder) === true);
  }
}
