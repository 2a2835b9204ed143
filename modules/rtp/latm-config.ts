import type { Buffer } from 'node:buffer';
import { aacCodec, aacCodecFromParameters } from '../../core/media/codecs/aac.ts';
import type { AacCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { CodecError } from '../../core/media/codecs/codec-error.ts';
import { WireError } from '../../wire/errors.ts';
import { readStreamMuxConfig } from '../../wire/rtp/payload/latm.ts';

export interface LatmConfig {
  readonly codec: AacCodec;
  /** Frames in one AudioMuxElement. */
  readonly frames: number;
}

/** The StreamMuxConfig of a description as a codec. Throws CodecError. */
export function readLatmConfig(config: Buffer): LatmConfig {
  const { frames, audioConfig } = readMuxConfig(config);
  // What stands behind the AudioSpecificConfig came along: it is written anew without.
  const { objectType, sampleRate, channels } = aacCodec(audioConfig);
  return { codec: aacCodecFromParameters({ objectType, sampleRate, channels }), frames };
}

function readMuxConfig(config: Buffer): ReturnType<typeof readStreamMuxConfig> {
  try {
    return readStreamMuxConfig(config);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CodecError(error.code === 'unsupported' ? 'unsupported' : 'malformed', 'aac', error.message);
  }
}
