import { describeError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { afterIn } from '../../core/time/clock.ts';
import { seconds } from '../../core/time/micros.ts';
import type { Ffmpeg } from '../ffmpeg/ffmpeg.ts';
import { askFfmpeg } from '../ffmpeg/ffmpeg-process.ts';
import { acceleratedEncoders, type VideoEncoder } from './video-encoders.ts';

/** What became of one encoder of the hardware. */
export interface TrialResult {
  readonly encoder: string;
  /** Why software works instead; undefined where the hardware does. */
  readonly fault: string | undefined;
}

const timeout = seconds(10);
const longestAnswer = 1 << 16;
/** A card may have as many encoders at work as it can: that passes. */
const suspension = seconds(60);

/**
 * Which encoders of the hardware that was asked for do work here. A build of ffmpeg lists them whether the host has a
 * device or not, so each encodes one picture, once, before the first wish is served.
 */
export class HardwareTrial {
  readonly #ffmpeg: Ffmpeg;
  #results: readonly TrialResult[] = [];

  constructor(dependencies: { ffmpeg: Ffmpeg }) {
    this.#ffmpeg = dependencies.ffmpeg;
  }

  get results(): readonly TrialResult[] {
    return this.#results;
  }

  /** Whether the encoder was tried, and worked. */
  hasPassed(encoder: string): boolean {
    return this.#results.some((result) => result.encoder === encoder && result.fault === undefined);
  }

  /** It failed at work: software encodes for a while, from the restart on. */
  suspend(encoder: string, why: string, scope: Scope): void {
    if (!this.hasPassed(encoder)) return;
    this.#ffmpeg.log.warn(`${encoder} failed; software encodes for a while.`, { encoder, why });
    this.#note({ encoder, fault: why });
    afterIn(scope, this.#ffmpeg.clock, suspension, () => this.#note({ encoder, fault: undefined }));
  }

  /** Tries them one after the other. Never rejects: what does not work is done in software, and the log says why. */
  async run(scope: Scope): Promise<void> {
    const results: TrialResult[] = [];
    for (const candidate of acceleratedEncoders(this.#ffmpeg.settings.hardware)) {
      const fault = await this.#findFault(candidate, scope);
      if (scope.closed) return;
      const { encoder } = candidate;
      results.push({ encoder, fault });
      if (fault === undefined) this.#ffmpeg.log.info(`Video is encoded with ${encoder}.`, { encoder });
      else this.#ffmpeg.log.warn(`${encoder} cannot be used; software encodes instead.`, { encoder, why: fault });
    }
    this.#results = results;
  }

  #note(result: TrialResult): void {
    this.#results = this.#results.map((one) => (one.encoder === result.encoder ? result : one));
  }

  async #findFault(candidate: VideoEncoder, scope: Scope): Promise<string | undefined> {
    const { capabilities, settings, clock } = this.#ffmpeg;
    if (capabilities === undefined) return 'there is no ffmpeg';
    if (!this.#ffmpeg.canEncode(candidate.encoder)) return `ffmpeg ${capabilities.version} was built without it`;
    try {
      const { program, nice } = settings;
      await askFfmpeg(
        { program, args: trialArguments(candidate), nice, timeout, longest: longestAnswer },
        { clock, scope },
      );
      return undefined;
    } catch (error) {
      return describeError(error);
    }
  }
}

/** One picture through the encoder as it will be used. */
function trialArguments({ device, upload, encoder, options }: VideoEncoder): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error', ...(device ?? [])],
    ...['-f', 'lavfi', '-i', 'color=black:size=640x360:rate=30', '-frames:v', '1'],
    ...['-vf', upload ?? 'format=yuv420p', '-c:v', encoder, ...options, '-f', 'null', '-'],
  ];
}
