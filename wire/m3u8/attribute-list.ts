import { WireError } from '../errors.ts';
import type { ByteRange } from './playlist.ts';

const MAX_ATTRIBUTES = 64;
const NAME = /^[A-Z0-9-]+$/;
const INTEGER = /^\d{1,16}$/;
const DECIMAL = /^-?\d{1,16}(\.\d*)?$/;

function malformed(what: string): never {
  throw new WireError('malformed', 'm3u8', what);
}

/** RFC 8216bis 4.2: a decimal integer; up to 2^53. */
export function parseInteger(text: string): number {
  const value = INTEGER.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : malformed(`${JSON.stringify(text.slice(0, 40))} is no integer`);
}

/** A signed floating-point number without exponent. */
export function parseSigned(text: string): number {
  return DECIMAL.test(text) ? Number(text) : malformed(`${JSON.stringify(text.slice(0, 40))} is no number`);
}

/** The same without sign. */
export function parseDecimal(text: string): number {
  return text.startsWith('-') ? malformed('a negative duration') : parseSigned(text);
}

/** `length[@start]`. */
export function parseByteRange(text: string): ByteRange {
  const at = text.indexOf('@');
  if (at < 0) return { length: parseInteger(text) };
  return { length: parseInteger(text.slice(0, at)), start: parseInteger(text.slice(at + 1)) };
}

/** An attribute list, RFC 8216bis 4.2. Quotes are taken off the values. */
export class AttributeList {
  readonly #values = new Map<string, string>();
  readonly #tag: string;

  /** Throws WireError when the text is no list, a name stands twice, or there are more than 64. */
  constructor(tag: string, text: string) {
    this.#tag = tag;
    let at = 0;
    while (at < text.length) {
      if (this.#values.size === MAX_ATTRIBUTES)
        throw new WireError('too-large', 'm3u8', `${tag} has too many attributes`);
      at = this.#take(text, at);
    }
  }

  /** Takes the attribute at `at`, with the comma behind it. Always goes forward: a name has a letter at least. */
  #take(text: string, at: number): number {
    const equals = text.indexOf('=', at);
    const name = equals < 0 ? '' : text.slice(at, equals).trim();
    if (!NAME.test(name)) malformed(`${this.#tag} holds no attribute list`);
    if (this.#values.has(name)) malformed(`${this.#tag} has ${name.slice(0, 40)} twice`);
    let end: number;
    let value: string;
    if (text[equals + 1] === '"') {
      const close = text.indexOf('"', equals + 2);
      if (close < 0) malformed(`${this.#tag} has a quote that does not close`);
      value = text.slice(equals + 2, close);
      end = close + 1;
      if (end < text.length && text[end] !== ',') malformed(`${this.#tag} has text behind a quote`);
    } else {
      const comma = text.indexOf(',', equals);
      end = comma < 0 ? text.length : comma;
      value = text.slice(equals + 1, end).trim();
      if (value === '' || value.includes('"')) malformed(`${this.#tag} has an attribute without a value`);
    }
    this.#values.set(name, value);
    return end + 1;
  }

  find(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Throws WireError('malformed') when it is missing. */
  require(name: string): string {
    return this.#values.get(name) ?? malformed(`${this.#tag} lacks ${name}`);
  }

  findInteger(name: string): number | undefined {
    const text = this.#values.get(name);
    return text === undefined ? undefined : parseInteger(text);
  }

  findDecimal(name: string): number | undefined {
    const text = this.#values.get(name);
    return text === undefined ? undefined : parseDecimal(text);
  }

  findByteRange(name: string): ByteRange | undefined {
    const text = this.#values.get(name);
    return text === undefined ? undefined : parseByteRange(text);
  }

  /** YES; anything else, and absence, is no. */
  says(name: string): boolean {
    return this.#values.get(name) === 'YES';
  }
}
