import type { Scope } from '../lifecycle/scope.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { CodecTarget } from '../media/codec-target.ts';
import type { CodecDescriptor } from '../media/codecs/codec-descriptor.ts';
import type { Subscription } from '../streams/subscription.ts';

/** Turns one codec into another. */
export interface Transcoder {
  readonly name: string;
  /** CPU cores that the change takes all the time, or undefined when it can't be made. */
  cost(from: CodecDescriptor, to: CodecTarget): number | undefined;
  /**
   * Reads `input` (one track) and writes units of `to` to `output`, with the pts of the source and the encoder's delay
   * taken out. Resolves when the input has ended, or when it wants to be started anew (its input changed); rejects when it
   * fails. Everything it opens ends with `scope`.
   */
  run(input: Subscription, output: RenditionOutput, to: CodecTarget, scope: Scope): Promise<void>;
}

/** Where a transcoder puts what it makes. */
export interface RenditionOutput {
  /** The first unit's codec makes the rendition's track. */
  write(unit: AccessUnit): void;
}
