import type { Scope } from '../../core/lifecycle/scope.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { AudioCodec, CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import type { RenditionOutput, Transcoder } from '../../core/renditions/transcoder.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { convert } from '../ffmpeg/convert.ts';
import type { Ffmpeg } from '../ffmpeg/ffmpeg.ts';
import { audioDecoders, canMakeAudio, findAudioEncoder, planAudio } from './audio-plan.ts';

/** Cores that one conversion took on a core of 2.5 GHz, decoding and encoding together, by `bench -- transcode`. */
const typicalCost = 0.01;
/** MP3 and AAC search longer for the best quantization. */
const heavyCost = 0.02;

/** Audio of any codec that the host's ffmpeg decodes, into any that it encodes. */
export class AudioTranscoder implements Transcoder {
  readonly name = 'ffmpeg-audio';
  readonly #ffmpeg: Ffmpeg;

  constructor(dependencies: { ffmpeg: Ffmpeg }) {
    this.#ffmpeg = dependencies.ffmpeg;
  }

  cost(from: CodecDescriptor, to: CodecTarget): number | undefined {
    const encoder = findAudioEncoder(to.codec);
    if (from.kind !== 'audio' || encoder === undefined || !canMakeAudio(to)) return undefined;
    if (!this.#ffmpeg.canEncode(encoder) || !this.#ffmpeg.canDecode(...audioDecoders[from.name])) return undefined;
    return to.codec === 'aac' || to.codec === 'mp3' ? heavyCost : typicalCost;
  }

  run(input: Subscription, output: RenditionOutput, to: CodecTarget, scope: Scope): Promise<void> {
    const plan = (from: CodecDescriptor) => {
      const source = from as AudioCodec;
      const decoder = audioDecoders[source.name].find((name) => this.#ffmpeg.canDecode(name));
      return planAudio(source, to, decoder);
    };
    return convert({ plan }, { ffmpeg: this.#ffmpeg, input, output, scope });
  }
}
