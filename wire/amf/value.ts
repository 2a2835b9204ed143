import type { Buffer } from 'node:buffer';

/**
 * One ActionScript value, the same type for AMF0 and AMF3 (Adobe AMF 0 specification of December 2007; AMF 3
 * specification of January 2013).
 *
 * - Numbers: AMF0 doubles, AMF3 integers and doubles alike.
 * - Strings: short and long alike.
 * - `AmfValue[]`: AMF0 strict array, AMF3 array with only a dense part.
 * - `Buffer`: AMF3 byte array, in memory of its own.
 */
export type AmfValue =
  | undefined
  | null
  | boolean
  | number
  | string
  | AmfRecord
  | readonly AmfValue[]
  | AmfDate
  | AmfXml
  | Buffer
  | AmfVector
  | AmfDictionary;

/** What has named members. All three are Maps: a member called `__proto__` is a key like any other. */
export type AmfRecord = AmfObject | AmfEcmaArray | AmfTypedObject;

/** An anonymous object. AMF 0 2.5, AMF 3 3.12. */
export class AmfObject extends Map<string, AmfValue> {
  readonly kind = 'object';
}

/**
 * An associative array. AMF 0 2.10, AMF 3 3.11. An AMF3 array with both parts has its dense items under the keys
 * `0`, `1`, …, after the named ones.
 */
export class AmfEcmaArray extends Map<string, AmfValue> {
  readonly kind = 'ecma-array';
}

/** An object of a named class. AMF 0 2.18, AMF 3 3.12 (sealed and dynamic members together). */
export class AmfTypedObject extends Map<string, AmfValue> {
  readonly kind = 'typed-object';
  readonly className: string;

  constructor(className: string, members?: Iterable<readonly [string, AmfValue]>) {
    super(members);
    this.className = className;
  }
}

/** A point in time: milliseconds since 1970 UTC, fractions kept. The time zone of AMF 0 2.13 is reserved and dropped. */
export class AmfDate {
  readonly kind = 'date';
  readonly epochMillis: number;

  constructor(epochMillis: number) {
    this.epochMillis = epochMillis;
  }
}

/** XML as text, never parsed here. `document`: AMF 0 2.17 and AMF 3 3.9; `e4x`: AMF 3 3.13. */
export class AmfXml {
  readonly kind = 'xml';
  readonly flavour: 'document' | 'e4x';
  readonly text: string;

  constructor(text: string, flavour: 'document' | 'e4x' = 'document') {
    this.text = text;
    this.flavour = flavour;
  }
}

export type AmfVectorItems = 'int' | 'uint' | 'double' | 'object';

/** A typed vector. AMF 3 3.15. `className` names the class of the items of an object vector, '' for any. */
export class AmfVector {
  readonly kind = 'vector';
  readonly of: AmfVectorItems;
  readonly items: readonly AmfValue[];
  readonly fixed: boolean;
  readonly className: string;

  constructor(of: AmfVectorItems, items: readonly AmfValue[], fixed = false, className = '') {
    this.of = of;
    this.items = items;
    this.fixed = fixed;
    this.className = className;
  }
}

/** A map whose keys may be any value. AMF 3 3.16. */
export class AmfDictionary {
  readonly kind = 'dictionary';
  readonly entries: readonly (readonly [AmfValue, AmfValue])[];
  readonly weakKeys: boolean;

  constructor(entries: readonly (readonly [AmfValue, AmfValue])[], weakKeys = false) {
    this.entries = entries;
    this.weakKeys = weakKeys;
  }
}

/** An anonymous object from a literal of our own: `amfObject({ level: 'status', code })`. */
export function amfObject(members: Readonly<Record<string, AmfValue>>): AmfObject {
  return new AmfObject(Object.entries(members));
}

/** Is the value an object, ECMA array or typed object? */
export function isAmfRecord(value: AmfValue): value is AmfRecord {
  return value instanceof Map;
}

/** The member `name` of a record when it is a string; undefined for anything else. */
export function findAmfString(value: AmfValue, name: string): string | undefined {
  const member = isAmfRecord(value) ? value.get(name) : undefined;
  return typeof member === 'string' ? member : undefined;
}

/** The member `name` of a record when it is a number; undefined for anything else. */
export function findAmfNumber(value: AmfValue, name: string): number | undefined {
  const member = isAmfRecord(value) ? value.get(name) : undefined;
  return typeof member === 'number' ? member : undefined;
}
