import { describeError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { CodecDescriptor, VideoCodec, VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import type { RenditionOutput, Transcoder } from '../../core/renditions/transcoder.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { millis } from '../../core/time/micros.ts';
import { mark } from '../ffmpeg/conversion.ts';
import { convert } from '../ffmpeg/convert.ts';
import type { Ffmpeg } from '../ffmpeg/ffmpeg.ts';
import { HardwareTrial, type TrialResult } from './hardware-trial.ts';
import { chooseVideoEncoder, type VideoEncoder } from './video-encoders.ts';
import { canMakeVideo, frameRateOf, planVideo, shapeOf, videoDecoders } from './video-plan.ts';

/** Cores to decode 1280x720 at 30 frames a second. */
const decodingCores = 0.12;
/** horizontal_size and vertical_size have 12 bits (ISO/IEC 11172-2 2.4.3.2). */
const largestMpeg1 = 4_095;
/** A group that was cached for longer than this is decoded to catch up, and not encoded. */
const longestBacklog = millis(1_500);
/** Least time between two keyframes that viewers ask for. */
const requestThrottle = millis(500);

/** Video of any codec that the host's ffmpeg decodes, into any that it encodes; without B-frames. */
export class VideoTranscoder implements Transcoder {
  readonly name = 'ffmpeg-video';
  readonly #ffmpeg: Ffmpeg;
  readonly #preset: string | undefined;
  readonly #hardware: HardwareTrial;
  /** Of those who find out about the hardware. */
  #scope: Scope | undefined;

  constructor(settings: { preset?: string }, dependencies: { ffmpeg: Ffmpeg }) {
    this.#preset = settings.preset;
    this.#ffmpeg = dependencies.ffmpeg;
    this.#hardware = new HardwareTrial(dependencies);
  }

  /** What became of each encoder of the hardware that was asked for. */
  get hardware(): readonly TrialResult[] {
    return this.#hardware.results;
  }

  /** Finds out whether the hardware that was asked for works; until then, and where it does not, there is software. */
  tryHardware(scope: Scope): Promise<void> {
    this.#scope = scope;
    return this.#hardware.run(scope);
  }

  cost(from: CodecDescriptor, to: CodecTarget): number | undefined {
    if (from.kind !== 'video' || !isVideo(to) || !canMakeVideo(to)) return undefined;
    const encoder = this.#encoder(to.codec as VideoCodecName);
    if (encoder === undefined || !this.#ffmpeg.canDecode(...videoDecoders[from.name])) return undefined;
    const shape = shapeOf(from, to);
    if (to.codec === 'mpeg1' && Math.max(shape.width, shape.height) > largestMpeg1) return undefined;
    const decoding = from.width * from.height * frameRateOf(from) * decodingCores;
    const encoding = shape.width * shape.height * shape.frameRate * encoder.cores;
    return (decoding + encoding) / (1280 * 720 * 30);
  }

  async run(input: Subscription, output: RenditionOutput, to: CodecTarget, scope: Scope): Promise<void> {
    const encoder = this.#encoder(to.codec as VideoCodecName);
    if (encoder === undefined) throw new Error(`there is no encoder for ${to.codec} any more`);
    try {
      await this.#convert(encoder, { input, output, to, scope });
    } catch (error) {
      if (this.#scope !== undefined && !scope.closed) {
        this.#hardware.suspend(encoder.encoder, describeError(error), this.#scope);
      }
      throw error;
    }
  }

  #convert(
    encoder: VideoEncoder,
    { input, output, to, scope }: { input: Subscription; output: RenditionOutput; to: CodecTarget; scope: Scope },
  ): Promise<void> {
    const { threads } = this.#ffmpeg.settings;
    return convert(
      {
        plan: (from) => planVideo(from as VideoCodec, to, encoder, { threads, preset: this.#preset }),
        marks: this.#marks(input, scope),
      },
      { ffmpeg: this.#ffmpeg, input, output, scope },
    );
  }

  #encoder(name: VideoCodecName) {
    return chooseVideoEncoder(name, this.#ffmpeg.settings.hardware, {
      encode: (encoder) => this.#ffmpeg.canEncode(encoder),
      accelerate: (encoder) => this.#hardware.hasPassed(encoder),
    });
  }

  /** Keyframes where the source has them, so that all renditions of it can be cut at the same places, and where a viewer asks. */
  #marks(input: Subscription, scope: Scope): (unit: AccessUnit, first: boolean) => number {
    const { stream } = input;
    const { clock } = this.#ffmpeg;
    let wanted = false;
    let lastRequest = -Infinity;
    let behind = true;
    stream.onKeyframeRequest(scope, () => {
      // A publisher that can be asked answers with a keyframe of its own, which comes through.
      if (stream.canRequestKeyframe || clock.now() - lastRequest < requestThrottle) return;
      lastRequest = clock.now();
      wanted = true;
    });
    return (unit, first) => {
      if (behind && input.lag.duration > longestBacklog) return mark.skip;
      const begins = behind || first;
      const keyframe = wanted || unit.keyframe;
      behind = false;
      wanted = false;
      // An encoder begins with a keyframe unasked, and ffmpeg counts the times that its expression sees from there.
      return keyframe && !begins ? mark.keyframe : mark.none;
    };
  }
}

function isVideo(target: CodecTarget): boolean {
  return target.codec in videoDecoders;
}
