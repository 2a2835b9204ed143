import { Buffer } from 'node:buffer';
import { BitReader } from './bit-reader.ts';
import type { Mpeg4Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';
import { plausibleFrameRate } from './frame-rate.ts';
import { findStartCode } from './start-code.ts';

/** ISO/IEC 14496-2 table 6-3. */
const VIDEO_OBJECT_LAYER = { first: 0x20, last: 0x2f };
const VISUAL_OBJECT_SEQUENCE = 0xb0;
const GROUP_OF_VOP = 0xb3;
const VOP = 0xb6;
const EXTENDED_PAR = 15;
const RECTANGULAR = 0;
/** What goes before the pictures is some dozens of bytes; user data of an encoder may make it a few hundred. */
const MAX_CONFIG_BYTES = 4096;

/** Whether a frame has an intra picture: vop_coding_type 0 (6.3.5). Never throws. */
export function isMpeg4Keyframe(frame: Buffer): boolean {
  const vop = findStartCode(frame, VOP);
  const byte = frame[vop + 4];
  return vop >= 0 && byte !== undefined && byte >> 6 === 0;
}

/** What stands in front of a frame's picture, as a view: headers of sequence, object and layer. Undefined without a layer's. */
export function findMpeg4Config(frame: Buffer): Buffer | undefined {
  const layer = findStartCode(frame.subarray(0, MAX_CONFIG_BYTES), VIDEO_OBJECT_LAYER.first, VIDEO_OBJECT_LAYER.last);
  if (layer < 0) return undefined;
  const end = findStartCode(frame, GROUP_OF_VOP, VOP, layer + 4);
  return end < 0 ? frame : frame.subarray(0, end);
}

/** The descriptor of an MPEG-4 part 2 track, from its headers: the `config` of RFC 6416 7.1. Throws `CodecError`. */
export function mpeg4Codec(config: Buffer): Mpeg4Codec {
  if (config.length > MAX_CONFIG_BYTES) {
    throw new CodecError('malformed', 'mpeg4', `a configuration of ${config.length} bytes`);
  }
  const layer = findStartCode(config, VIDEO_OBJECT_LAYER.first, VIDEO_OBJECT_LAYER.last);
  if (layer < 0) throw new CodecError('malformed', 'mpeg4', 'no video object layer');
  const sequence = findStartCode(config, VISUAL_OBJECT_SEQUENCE);
  const profile = sequence < 0 ? undefined : config[sequence + 4];
  const { width, height, frameRate, bFrames } = readLayer(new BitReader(config, 'mpeg4', layer + 4));
  if (width === 0 || height === 0) throw new CodecError('malformed', 'mpeg4', `a picture of ${width}x${height}`);
  return Object.freeze({
    kind: 'video',
    name: 'mpeg4',
    config: Buffer.from(config),
    profile,
    width,
    height,
    frameRate,
    bFrames,
    codecString: profile === undefined ? 'mp4v.20' : `mp4v.20.${profile}`,
  });
}

/** VideoObjectLayer(), 6.2.3. */
function readLayer(bits: BitReader) {
  bits.skip(1 + 8); // random_accessible_vol, video_object_type_indication
  if (bits.flag()) bits.skip(4 + 3); // video_object_layer_verid, its priority
  if (bits.bits(4) === EXTENDED_PAR) bits.skip(16); // aspect_ratio_info
  let bFrames: boolean | undefined;
  if (bits.flag()) {
    bits.skip(2); // chroma_format
    bFrames = !bits.flag(); // low_delay
    if (bits.flag()) bits.skip(79); // vbv_parameters
  }
  const shape = bits.bits(2);
  if (shape !== RECTANGULAR) throw new CodecError('unsupported', 'mpeg4', `a layer of shape ${shape}`);
  bits.skip(1);
  const resolution = bits.bits(16); // vop_time_increment_resolution
  bits.skip(1);
  let increment = 0;
  // fixed_vop_time_increment has as many bits as the resolution needs.
  if (bits.flag()) increment = bits.bits(Math.max(1, Math.ceil(Math.log2(resolution))));
  bits.skip(1);
  const width = bits.bits(13);
  bits.skip(1);
  const height = bits.bits(13);
  return { width, height, frameRate: plausibleFrameRate(resolution, increment), bFrames };
}
