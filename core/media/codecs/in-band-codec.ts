import { Buffer } from 'node:buffer';
import { av1Codec } from './av1.ts';
import { OBU_SEQUENCE_HEADER, obuType } from './av1-obu.ts';
import type { VideoCodec, VideoCodecName } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';
import { flv1Codec } from './flv1.ts';
import { h264Codec } from './h264.ts';
import { parseH264Pps, parseH264Sps } from './h264-sps.ts';
import { h265Codec } from './h265.ts';
import { parseH265Pps, parseH265Sps, parseH265Vps } from './h265-sps.ts';
import { isKeyframe } from './keyframe.ts';
import { mpeg1Codec } from './mpeg1.ts';
import { findMpeg4Config, mpeg4Codec } from './mpeg4.ts';
import { h264NalType, h265NalType, MAX_PARAMETER_SET_BYTES } from './nal-unit.ts';
import { sameCodec } from './same-codec.ts';
import { vp8Codec } from './vp8.ts';
import { vp9Codec } from './vp9.ts';

/** The parameter sets among a unit's parts, as views. */
export type ParameterSets = { readonly vps: Buffer[]; readonly sps: Buffer[]; readonly pps: Buffer[] };

/** H.264 parameter sets of a unit (`vps` stays empty); undefined when it has none, which is the usual case and allocates nothing. */
export function findH264ParameterSets(parts: readonly Buffer[]): ParameterSets | undefined {
  let found: ParameterSets | undefined;
  for (const part of parts) {
    const type = h264NalType(part);
    if (type !== 7 && type !== 8) continue;
    found ??= { vps: [], sps: [], pps: [] };
    (type === 7 ? found.sps : found.pps).push(part);
  }
  return found;
}

/** As `findH264ParameterSets`, of H.265. */
export function findH265ParameterSets(parts: readonly Buffer[]): ParameterSets | undefined {
  let found: ParameterSets | undefined;
  for (const part of parts) {
    const type = h265NalType(part);
    if (type < 32 || type > 34) continue;
    found ??= { vps: [], sps: [], pps: [] };
    (type === 32 ? found.vps : type === 33 ? found.sps : found.pps).push(part);
  }
  return found;
}

/** The sequence header OBU of a temporal unit, as a view. */
export function findAv1SequenceHeader(parts: readonly Buffer[]): Buffer | undefined {
  for (const part of parts) if (obuType(part) === OBU_SEQUENCE_HEADER) return part;
  return undefined;
}

/**
 * Follows a video track whose parameters come in band (RTP, MPEG-TS): each unit goes through `update`, which returns
 * the descriptor that holds from this unit on. It is the same object until something changes. Parameter sets may come
 * in units of their own; they are kept by id and joined once they are complete.
 */
export class InBandCodec {
  readonly #name: VideoCodecName;
  readonly #vps = new Map<number, Buffer>();
  readonly #sps = new Map<number, Buffer>();
  readonly #pps = new Map<number, Buffer>();
  #current: VideoCodec | undefined;

  /** `initial` is what was told out of band (SDP), if anything. */
  constructor(name: VideoCodecName, initial?: VideoCodec) {
    this.#name = name;
    this.#current = initial;
    if (initial?.name === 'h264') this.#learnH264({ vps: [], sps: [...initial.sps], pps: [...initial.pps] });
    if (initial?.name === 'h265') {
      this.#learnH265({ vps: [...initial.vps], sps: [...initial.sps], pps: [...initial.pps] });
    }
  }

  get current(): VideoCodec | undefined {
    return this.#current;
  }

  /** Undefined until the parameters are complete. Throws `CodecError` for a parameter set or key frame that does not parse. */
  update(parts: readonly Buffer[]): VideoCodec | undefined {
    switch (this.#name) {
      case 'h264': {
        const sets = findH264ParameterSets(parts);
        if (sets !== undefined && this.#learnH264(sets)) this.#joinH264();
        break;
      }
      case 'h265': {
        const sets = findH265ParameterSets(parts);
        if (sets !== undefined && this.#learnH265(sets)) this.#joinH265();
        break;
      }
      case 'av1': {
        const header = findAv1SequenceHeader(parts);
        if (header !== undefined) this.#offer(av1Codec(header));
        break;
      }
      case 'mpeg4': {
        // Some send their headers with keyframes, some in the description alone.
        const config = parts[0] === undefined ? undefined : findMpeg4Config(parts[0]);
        if (config !== undefined) this.#offer(mpeg4Codec(config));
        break;
      }
      default: {
        const frame = parts[0];
        if (frame !== undefined && isKeyframe(this.#name, parts)) {
          this.#offer(describeFrame(this.#name, frame));
        }
      }
    }
    return this.#current;
  }

  /** Whether anything is new. Throws before anything is kept when a set does not parse. */
  #learnH264(sets: ParameterSets): boolean {
    const sps = sets.sps.map((set) => ({ id: parseH264Sps(set).id, set }));
    const pps = sets.pps.map((set) => ({ id: parseH264Pps(set).id, set }));
    const newSps = keep(this.#sps, sps, pps.length > 0);
    return keep(this.#pps, pps, newSps) || newSps;
  }

  #learnH265(sets: ParameterSets): boolean {
    const vps = sets.vps.map((set) => ({ id: parseH265Vps(set).id, set }));
    const sps = sets.sps.map((set) => ({ id: parseH265Sps(set).id, set }));
    const pps = sets.pps.map((set) => ({ id: parseH265Pps(set).id, set }));
    const newVps = keep(this.#vps, vps, sps.length > 0 && pps.length > 0);
    const newSps = keep(this.#sps, sps, pps.length > 0);
    return keep(this.#pps, pps, newSps) || newSps || newVps;
  }

  #joinH264(): void {
    const newest = [...this.#pps.values()].at(-1);
    const active = newest === undefined ? undefined : parseH264Pps(newest).spsId;
    if (active === undefined || !this.#sps.has(active)) return;
    this.#current = h264Codec(activeFirst(this.#sps, active), [...this.#pps.values()]);
  }

  #joinH265(): void {
    const newest = [...this.#pps.values()].at(-1);
    const active = newest === undefined ? undefined : parseH265Pps(newest).spsId;
    const sps = active === undefined ? undefined : this.#sps.get(active);
    if (active === undefined || sps === undefined || !this.#vps.has(parseH265Sps(sps).vpsId)) return;
    this.#current = h265Codec([...this.#vps.values()], activeFirst(this.#sps, active), [...this.#pps.values()]);
  }

  #offer(codec: VideoCodec): void {
    if (this.#current === undefined || !sameCodec(this.#current, codec)) this.#current = codec;
  }
}

/** Codecs of one part a unit, whose parameters stand in its header. */
function describeFrame(name: 'vp8' | 'vp9' | 'flv1' | 'mpeg1', frame: Buffer): VideoCodec {
  if (name === 'flv1') return flv1Codec(frame);
  if (name === 'mpeg1') return mpeg1Codec(frame);
  return name === 'vp8' ? vp8Codec(frame) : vp9Codec(frame);
}

type IdentifiedSet = { readonly id: number; readonly set: Buffer };

/**
 * Keeps copies by id, the newest last; returns whether anything is new. `replace`: what is new comes complete, so
 * that what was kept before and is not among it has had its day.
 */
function keep(kept: Map<number, Buffer>, sets: readonly IdentifiedSet[], replace: boolean): boolean {
  const changed = sets.some(({ id, set }) => kept.get(id)?.equals(set) !== true);
  if (!changed) return false;
  if (replace) kept.clear();
  for (const { id, set } of sets) {
    if (set.length > MAX_PARAMETER_SET_BYTES) {
      throw new CodecError('malformed', 'nal', `a parameter set of ${set.length} bytes`);
    }
    kept.delete(id);
    kept.set(id, Buffer.from(set));
  }
  return true;
}

/** The SPS that the newest PPS refers to, then the others. */
function activeFirst(sps: ReadonlyMap<number, Buffer>, active: number): readonly Buffer[] {
  const ordered: Buffer[] = [];
  for (const [id, set] of sps) {
    if (id === active) ordered.unshift(set);
    else ordered.push(set);
  }
  return ordered;
}
