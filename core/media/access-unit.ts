import type { Buffer } from 'node:buffer';
import type { Micros } from '../time/micros.ts';
import type { CodecDescriptor } from './codecs/codec-descriptor.ts';

/** A wire form of a unit, made once and shared by every subscriber. One value a module, compared by identity. */
export interface SharedForm<T> {
  readonly name: string;
  make(unit: AccessUnit): T;
}

export interface AccessUnitFields {
  readonly codec: CodecDescriptor;
  readonly pts: Micros;
  readonly dts: Micros;
  readonly keyframe: boolean;
  readonly parts: readonly Buffer[];
  readonly capturedAt?: Micros | undefined;
}

/**
 * The smallest thing that a decoder takes and a queue may drop: a whole video frame or audio frame. Immutable; its
 * bytes belong to it for ever.
 */
export class AccessUnit {
  /** By reference: another object means new parameter sets. */
  readonly codec: CodecDescriptor;
  readonly pts: Micros;
  /** Rises strictly in a track. */
  readonly dts: Micros;
  /** Decodable with nothing before it; audio always. */
  readonly keyframe: boolean;
  /** NAL units or OBUs without start codes or lengths; else one part. */
  readonly parts: readonly Buffer[];
  /** Unix time of capture, when the source told it. */
  readonly capturedAt: Micros | undefined;
  /** Bytes of all parts. */
  readonly size: number;
  /** One form is the common case: two fields are cheaper than a map. */
  #form: SharedForm<unknown> | undefined;
  #made: unknown;
  #others: Map<SharedForm<unknown>, unknown> | undefined;

  constructor(fields: AccessUnitFields) {
    this.codec = fields.codec;
    this.pts = fields.pts;
    this.dts = fields.dts;
    this.keyframe = fields.keyframe;
    this.parts = fields.parts;
    this.capturedAt = fields.capturedAt;
    let size = 0;
    for (let index = 0; index < fields.parts.length; index += 1) size += fields.parts[index]?.length ?? 0;
    this.size = size;
  }

  /** The unit in a wire form: made on first use, then shared. */
  as<T>(form: SharedForm<T>): T {
    if (this.#form === form) return this.#made as T;
    if (this.#form === undefined) {
      const made = form.make(this);
      this.#form = form;
      this.#made = made;
      return made;
    }
    this.#others ??= new Map();
    if (this.#others.has(form)) return this.#others.get(form) as T;
    const made = form.make(this);
    this.#others.set(form, made);
    return made;
  }
}
