import type { Buffer } from 'node:buffer';
import type { H264Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';
import { parseH264Pps, parseH264Sps } from './h264-sps.ts';
import { ownParameterSets } from './nal-unit.ts';

/** Ids go to 31 and to 255 (ISO/IEC 14496-10 7.4.2). */
export const MAX_H264_SPS = 32;
export const MAX_H264_PPS = 256;

/**
 * The descriptor of an H.264 track. `sps` and `pps` are NAL units with header and without start code; the first SPS
 * tells profile and size. Throws `CodecError` when one does not parse, or when no PPS refers to that SPS.
 */
export function h264Codec(sps: readonly Buffer[], pps: readonly Buffer[]): H264Codec {
  const ownSps = ownParameterSets(sps, MAX_H264_SPS, 'h264', 'SPS');
  const ownPps = ownParameterSets(pps, MAX_H264_PPS, 'h264', 'PPS');
  const parsed = ownSps.map(parseH264Sps);
  const first = parsed[0];
  const referred = ownPps.map((set) => parseH264Pps(set).spsId);
  if (first === undefined || !referred.includes(first.id)) {
    throw new CodecError('malformed', 'h264', 'no PPS refers to the SPS');
  }
  const { profile, constraints, level } = first;
  return Object.freeze({
    kind: 'video',
    name: 'h264',
    sps: ownSps,
    pps: ownPps,
    profile,
    constraints,
    level,
    chromaFormat: first.chromaFormat,
    bitDepthLuma: first.bitDepthLuma,
    bitDepthChroma: first.bitDepthChroma,
    width: first.width,
    height: first.height,
    frameRate: first.frameRate,
    bFrames: first.bFrames,
    codecString: `avc1.${((profile << 16) | (constraints << 8) | level).toString(16).padStart(6, '0')}`, // RFC 6381 3.3
  });
}
