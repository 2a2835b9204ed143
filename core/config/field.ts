import type { TSchema } from '@sinclair/typebox';
import type { Place } from './place.ts';

/** Under this symbol a field carries its reading. Registered, so that a third party's own copy of the core agrees. */
export const reading: unique symbol = Symbol.for('switchyard.config.reading') as never;

export type FieldKind =
  | 'section'
  | 'list'
  | 'record'
  | 'duration'
  | 'size'
  | 'port'
  | 'port range'
  | 'host'
  | 'flag'
  | 'text'
  | 'integer'
  | 'number'
  | 'choice'
  | 'secret'
  | 'path';

/** How a value of the file becomes one of the program. */
export interface Reading<T> {
  readonly kind: FieldKind;
  /** What people are told to write: `a duration with its unit, such as 10s`. */
  readonly expected: string;
  /** The file's value becomes the program's; what is wrong is noted at `place`, and the result is then of no use. */
  read(raw: unknown, place: Place): T;
  /** The file's value for a text of the environment or the command line; `undefined` when a text cannot say it. */
  fromText(text: string): unknown;
  /** A section's fields, for the walks that make documents. */
  readonly fields?: Readonly<Record<string, Field<unknown>>>;
  /** What a list or record holds. */
  readonly of?: Field<unknown>;
}

/** One value of the configuration: a TypeBox schema of what stands in the file, whose static type is what the program gets. */
export interface Field<T> extends TSchema {
  static: T;
  readonly [reading]: Reading<T>;
}

/** A section: an object of fields. What a module's `config.ts` exports. */
export type Schema<Config> = Field<Config>;

/** The program's type of a field or section: `type RtmpConfig = Infer<typeof rtmpConfig>`. */
export type Infer<F extends { static: unknown }> = F['static'];
