import { WireError } from '../errors.ts';

const format = 'wcs';

/** A JSON object of a stranger. Keys are own properties only: `__proto__` is a key like any other. */
export type JsonObject = Readonly<Record<string, unknown>>;

export interface JsonBounds {
  /** Characters of the text. */
  readonly longest: number;
  /** Objects and arrays within each other. */
  readonly deepest: number;
  /** Values in all: commas and opening brackets. */
  readonly values: number;
}

const quote = 0x22;
const backslash = 0x5c;

/** Parses within the bounds, which are checked before anything is made of the text. Throws WireError. */
export function parseBounded(text: string, bounds: JsonBounds): unknown {
  if (text.length > bounds.longest) throw new WireError('too-large', format, `a message of ${text.length} characters`);
  checkShape(text, bounds);
  try {
    return JSON.parse(text);
  } catch {
    throw new WireError('malformed', format, 'a message that is not JSON');
  }
}

/** Counts brackets and commas outside of strings. */
function checkShape(text: string, bounds: JsonBounds): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        values += 1;
        if (depth > bounds.deepest) throw new WireError('too-large', format, `values nested deeper than ${depth - 1}`);
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case 0x2c: // ,
        values += 1;
        break;
    }
    if (values > bounds.values) throw new WireError('too-large', format, `more than ${bounds.values} values`);
  }
}

function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1;
  return at;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A text of at most `longest` characters; undefined when absent or null. Throws `malformed`, `too-large`. */
export function findText(object: JsonObject, key: string, longest: number): string | undefined {
  const value = own(object, key) ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new WireError('malformed', format, `${key} is not a text`);
  if (value.length > longest) throw new WireError('too-large', format, `${key} of ${value.length} characters`);
  return value;
}

export function needText(object: JsonObject, key: string, longest: number): string {
  const value = findText(object, key, longest);
  if (value === undefined || value === '') throw new WireError('malformed', format, `${key} is missing`);
  return value;
}

/** A flag; what is no boolean is `otherwise`, as JavaScript clients send null and 0. */
export function readFlag(object: JsonObject, key: string, otherwise = false): boolean {
  const value = own(object, key);
  return typeof value === 'boolean' ? value : otherwise;
}

/** A number from 1 to `most`; 0, which stands for "unset", and everything else is undefined. */
export function findCount(object: JsonObject, key: string, most: number): number | undefined {
  const value = own(object, key);
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return undefined;
  const whole = Math.round(number);
  return whole >= 1 && whole <= most ? whole : undefined;
}

/** Texts of a list; what is no text is left out. */
export function readTexts(object: JsonObject, key: string, most: number, longest: number): readonly string[] {
  const value = own(object, key);
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, most)
    .filter((item): item is string => typeof item === 'string')
    .map((text) => text.slice(0, longest));
}

export function findObject(object: JsonObject, key: string): JsonObject | undefined {
  const value = own(object, key);
  return isObject(value) ? value : undefined;
}

/** Any value; undefined when absent. */
export function findValue(object: JsonObject, key: string): unknown {
  return own(object, key);
}
