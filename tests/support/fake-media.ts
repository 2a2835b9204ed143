import { AccessUnit } from '../../core/media/access-unit.ts';
import { aacCodecFromParameters } from '../../core/media/codecs/aac.ts';
import type { AacCodec, H264Codec, OpusCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { opusCodec } from '../../core/media/codecs/opus.ts';
import { type Micros, millis } from '../../core/time/micros.ts';

/** Media whose content says which frame it is: for tests of queues and clocks, where no decoder looks. */
export function fakeH264(overrides: Partial<H264Codec> = {}): H264Codec {
  return {
    kind: 'video',
    name: 'h264',
    sps: [Buffer.from('67640028acd940780227e5c044000003000400000300f03c60c658', 'hex')],
    pps: [Buffer.from('68ebe3cb22c0', 'hex')],
    profile: 100,
    constraints: 0,
    level: 40,
    chromaFormat: 1,
    bitDepthLuma: 8,
    bitDepthChroma: 8,
    width: 1280,
    height: 720,
    frameRate: 30,
    bFrames: false,
    codecString: 'avc1.640028',
    ...overrides,
  };
}

export function fakeAac(): AacCodec {
  return aacCodecFromParameters({ objectType: 2, sampleRate: 48_000, channels: 2 });
}

export function fakeOpus(): OpusCodec {
  return opusCodec({ channels: 2 });
}

export const frame: Micros = millis(33);

/** Video frame `number`, at `number` × 33 ms; four bytes of payload hold the number. */
export function videoFrame(
  codec: H264Codec,
  number: number,
  options: { keyframe?: boolean; size?: number } = {},
): AccessUnit {
  const part = Buffer.alloc(Math.max(4, options.size ?? 100));
  part.writeUInt32BE(number);
  const at = (number * frame) as Micros;
  return new AccessUnit({ codec, pts: at, dts: at, keyframe: options.keyframe ?? number % 30 === 0, parts: [part] });
}

/** Audio frame `number`, at `number` × 20 ms. */
export function audioFrame(codec: AacCodec | OpusCodec, number: number): AccessUnit {
  const part = Buffer.alloc(40);
  part.writeUInt32BE(number);
  const at = millis(number * 20);
  return new AccessUnit({ codec, pts: at, dts: at, keyframe: true, parts: [part] });
}

/** The number that `videoFrame` and `audioFrame` wrote. */
export function frameNumber(unit: AccessUnit): number {
  return unit.parts[0]?.readUInt32BE(0) ?? -1;
}
