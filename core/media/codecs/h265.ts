import type { Buffer } from 'node:buffer';
import type { H265Codec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';
import { type H265Profile, parseH265Pps, parseH265Sps, parseH265Vps } from './h265-sps.ts';
import { ownParameterSets } from './nal-unit.ts';

/** Ids go to 15, 15 and 63 (ISO/IEC 23008-2 7.4.3). */
export const MAX_H265_VPS = 16;
export const MAX_H265_SPS = 16;
export const MAX_H265_PPS = 64;

/**
 * The descriptor of an H.265 track. Parameter sets are NAL units with header and without start code; the first SPS
 * tells profile and size. Throws `CodecError` when one does not parse or they do not refer to each other.
 */
export function h265Codec(vps: readonly Buffer[], sps: readonly Buffer[], pps: readonly Buffer[]): H265Codec {
  const ownVps = ownParameterSets(vps, MAX_H265_VPS, 'h265', 'VPS');
  const ownSps = ownParameterSets(sps, MAX_H265_SPS, 'h265', 'SPS');
  const ownPps = ownParameterSets(pps, MAX_H265_PPS, 'h265', 'PPS');
  const vpsIds = ownVps.map((set) => parseH265Vps(set).id);
  const first = ownSps.map(parseH265Sps)[0];
  const referred = ownPps.map((set) => parseH265Pps(set).spsId);
  if (first === undefined || !referred.includes(first.id)) {
    throw new CodecError('malformed', 'h265', 'no PPS refers to the SPS');
  }
  if (!vpsIds.includes(first.vpsId)) throw new CodecError('malformed', 'h265', 'the SPS refers to no VPS');
  const { id: _id, vpsId: _vpsId, ...facts } = first;
  return Object.freeze({
    kind: 'video',
    name: 'h265',
    vps: ownVps,
    sps: ownSps,
    pps: ownPps,
    ...facts,
    codecString: h265CodecString(facts),
  });
}

/** ISO/IEC 14496-15 E.3. */
function h265CodecString(of: H265Profile): string {
  const space = ['', 'A', 'B', 'C'][of.profileSpace] ?? '';
  let reversed = 0;
  for (let i = 0; i < 32; i++) if (Math.floor(of.compatibilityFlags / 2 ** i) % 2 === 1) reversed += 2 ** (31 - i);
  let text = `hvc1.${space}${of.profile}.${reversed.toString(16).toUpperCase()}.${of.tier === 1 ? 'H' : 'L'}${of.level}`;
  const constraints = of.constraintFlags.toString(16).toUpperCase().padStart(12, '0');
  // Trailing zero bytes are left out
  let end = 12;
  while (end > 0 && constraints.slice(end - 2, end) === '00') end -= 2;
  for (let i = 0; i < end; i += 2)
    text += `.${Number.parseInt(constraints.slice(i, i + 2), 16)
      .toString(16)
      .toUpperCase()}`;
  return text;
}
