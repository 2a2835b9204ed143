import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { Unsafe } from '@sinclair/typebox';
import { describeError } from '../errors.ts';
import type { Micros } from '../time/micros.ts';
import { type Field, type Reading, reading } from './field.ts';
import { type Place, quote } from './place.ts';
import { Secret } from './secret.ts';
import { parseDuration, parseSize } from './units.ts';

/** What every field takes. Without `default` the key must be given, unless the field is `optional()`. */
export interface FieldOptions<D> {
  /** One sentence for the default file and the reference. */
  readonly about: string;
  readonly default?: D;
}

interface Bounds<B> {
  readonly minimum?: B;
  readonly maximum?: B;
}

/** Joins what stands in the file (JSON Schema) with how it is read. */
export function field<T>(json: object, options: FieldOptions<unknown>, how: Reading<T>): Field<T> {
  const { about, default: standard } = options;
  const described = { ...json, description: about, ...(standard === undefined ? {} : { default: standard }) };
  return Object.assign(Unsafe<T>(described), { [reading]: how });
}

/** Notes "`raw` is not …" and gives a value for the type's sake: what is read with problems is never used. */
function refuse<T>(raw: unknown, expected: string, place: Place): T {
  place.refuse(`${quote(raw)} is not ${expected}`);
  return undefined as T;
}

/** A value made by `parse` out of a text, bounded. */
function measured(
  kind: 'duration' | 'size',
  parse: (text: string) => number | undefined,
  bounds: Bounds<string>,
): Reading<number> {
  const example = kind === 'duration' ? '10s, 250ms or 1h30m' : '8MiB, 64KiB or 100kB';
  const limits = [
    bounds.minimum === undefined ? '' : `at least ${bounds.minimum}`,
    bounds.maximum === undefined ? '' : `at most ${bounds.maximum}`,
  ].filter((limit) => limit !== '');
  const expected = [`a ${kind} with its unit, such as ${example}`, ...limits].join(', ');
  const lowest = parse(bounds.minimum ?? '0') ?? 0;
  const highest = bounds.maximum === undefined ? Number.MAX_SAFE_INTEGER : (parse(bounds.maximum) ?? 0);
  return {
    kind,
    expected,
    fromText: (text) => text,
    read: (raw, place) => {
      const value = typeof raw === 'string' || raw === 0 ? parse(String(raw)) : undefined;
      if (value === undefined || value < lowest || value > highest) return refuse(raw, expected, place);
      return value;
    },
  };
}

/** `10s`, `250ms`, `1h30m`. */
export function duration(options: FieldOptions<string> & Bounds<string>): Field<Micros> {
  const how = measured('duration', parseDuration, options);
  return field<number>({ type: ['string', 'integer'], format: 'switchyard-duration' }, options, how) as Field<Micros>;
}

/** `8MiB`, `100kB`; the program gets bytes. */
export function size(options: FieldOptions<string> & Bounds<string>): Field<number> {
  return field(
    { type: ['string', 'integer'], format: 'switchyard-size' },
    options,
    measured('size', parseSize, options),
  );
}

function textToNumber(text: string): unknown {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

function numeric(kind: 'integer' | 'number' | 'port', noun: string, bounds: Bounds<number>): Reading<number> {
  const { minimum, maximum } = bounds;
  const range =
    minimum !== undefined && maximum !== undefined
      ? ` from ${minimum} to ${maximum}`
      : minimum !== undefined
        ? ` of at least ${minimum}`
        : maximum !== undefined
          ? ` of at most ${maximum}`
          : '';
  const expected = noun + range;
  return {
    kind,
    expected,
    fromText: textToNumber,
    read: (raw, place) => {
      const fits =
        typeof raw === 'number' &&
        (kind === 'number' ? Number.isFinite(raw) : Number.isSafeInteger(raw)) &&
        raw >= (minimum ?? -Infinity) &&
        raw <= (maximum ?? Infinity);
      return fits ? raw : refuse(raw, expected, place);
    },
  };
}

function boundsOf(options: Bounds<number>): object {
  return {
    ...(options.minimum === undefined ? {} : { minimum: options.minimum }),
    ...(options.maximum === undefined ? {} : { maximum: options.maximum }),
  };
}

export function integer(options: FieldOptions<number> & Bounds<number>): Field<number> {
  return field(
    { type: 'integer', ...boundsOf(options) },
    options,
    numeric('integer', 'a whole number', {
      minimum: options.minimum ?? 0,
      ...(options.maximum === undefined ? {} : { maximum: options.maximum }),
    }),
  );
}

export function number(options: FieldOptions<number> & Bounds<number>): Field<number> {
  return field({ type: 'number', ...boundsOf(options) }, options, numeric('number', 'a number', options));
}

/** A TCP or UDP port; 0 lets the system choose. */
export function port(options: FieldOptions<number>): Field<number> {
  const bounds = { minimum: 0, maximum: 65_535 };
  return field({ type: 'integer', ...bounds }, options, numeric('port', 'a port, a whole number', bounds));
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** `33001-34000`. */
export function portRange(options: FieldOptions<string>): Field<PortRange> {
  const expected = 'a range of ports, such as 33001-34000';
  return field({ type: 'string', pattern: '^[0-9]+-[0-9]+$' }, options, {
    kind: 'port range',
    expected,
    fromText: (text) => text,
    read: (raw, place): PortRange => {
      const match = typeof raw === 'string' ? /^(\d{1,5})-(\d{1,5})$/.exec(raw) : null;
      const first = Number(match?.[1]);
      const last = Number(match?.[2]);
      return first >= 1 && last >= first && last <= 65_535 ? { first, last } : refuse(raw, expected, place);
    },
  });
}

/** An address or name to bind to; `any` is every address of the host, of IPv6 and IPv4. */
export function host(options: FieldOptions<string>): Field<string> {
  const expected = 'an address, a host name or "any"';
  return field({ type: 'string' }, options, {
    kind: 'host',
    expected,
    fromText: (text) => text,
    read: (raw, place) =>
      typeof raw === 'string' && (isIP(raw) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$/.test(raw))
        ? raw
        : refuse(raw, expected, place),
  });
}

const flagTexts: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

export function flag(options: FieldOptions<boolean>): Field<boolean> {
  const expected = 'true or false';
  return field({ type: 'boolean' }, options, {
    kind: 'flag',
    expected,
    fromText: (text) => flagTexts[text.toLowerCase()] ?? text,
    read: (raw, place) => (typeof raw === 'boolean' ? raw : refuse(raw, expected, place)),
  });
}

export interface TextOptions extends FieldOptions<string> {
  readonly pattern?: RegExp;
  /** What the pattern asks for, in words: `a name of letters and digits`. */
  readonly expected?: string;
  /** Characters at most, 4096 when not told. */
  readonly longest?: number;
}

export function text(options: TextOptions): Field<string> {
  const longest = options.longest ?? 4_096;
  const { pattern } = options;
  const shape = options.expected ?? (pattern === undefined ? 'a text' : `a text that matches ${pattern.source}`);
  const expected = `${shape} of at most ${longest} characters`;
  const json = { type: 'string', maxLength: longest, ...(pattern === undefined ? {} : { pattern: pattern.source }) };
  return field(json, options, {
    kind: 'text',
    expected,
    fromText: (given) => given,
    read: (raw, place) =>
      typeof raw === 'string' && raw.length <= longest && (pattern === undefined || pattern.test(raw))
        ? raw
        : refuse(raw, expected, place),
  });
}

/** One of `words`. */
export function choice<const W extends string>(words: readonly W[], options: FieldOptions<NoInfer<W>>): Field<W> {
  const expected = `one of ${words.join(', ')}`;
  return field({ type: 'string', enum: words }, options, {
    kind: 'choice',
    expected,
    fromText: (given) => given,
    read: (raw, place) => words.find((word) => word === raw) ?? refuse(raw, expected, place),
  });
}

/** A path; a relative one starts at the folder of the configuration file. */
export function path(options: FieldOptions<string>): Field<string> {
  const expected = 'a path';
  return field({ type: 'string' }, options, {
    kind: 'path',
    expected,
    fromText: (given) => given,
    read: (raw, place) =>
      typeof raw === 'string' && raw !== '' && !raw.includes('\0')
        ? resolve(place.surroundings.folder, raw)
        : refuse(raw, expected, place),
  });
}

/**
 * A secret by reference: `env:NAME` or `file:/path`. One that stands in the file itself is refused, so that
 * configurations can be shown, mailed and versioned. A `Secret` made by a program is taken as it is.
 */
export function secret(options: FieldOptions<string>): Field<Secret> {
  const expected = 'a reference to a secret: env:NAME or file:/path';
  return field({ type: 'string', pattern: '^(env:|file:)' }, options, {
    kind: 'secret',
    expected,
    fromText: (given) => given,
    read: (raw, place) => {
      if (raw instanceof Secret) return raw;
      const match = typeof raw === 'string' ? /^(env|file):(.+)$/.exec(raw) : null;
      if (match !== null)
        return match[1] === 'env' ? fromEnvironment(match[2] ?? '', place) : fromFile(match[2] ?? '', place);
      // The value may be the secret itself: it is not quoted.
      place.refuse(`the value is not ${expected}`);
      return new Secret('');
    },
  });
}

function fromEnvironment(name: string, place: Place): Secret {
  const value = place.surroundings.environment[name];
  if (value === undefined || value === '') place.refuse(`the environment variable ${name} is not set`);
  return new Secret(value ?? '');
}

function fromFile(file: string, place: Place): Secret {
  const path = resolve(place.surroundings.folder, file);
  try {
    const value = place.surroundings.readFile(path).replace(/\r?\n$/, '');
    if (value === '') place.refuse(`the file ${path} is empty`);
    return new Secret(value);
  } catch (error) {
    place.refuse(`the file ${path} cannot be read: ${describeError(error)}`);
    return new Secret('');
  }
}
