import { Optional, type TOptional } from '@sinclair/typebox';
import { type Field, reading, type Schema } from './field.ts';
import { field } from './fields.ts';
import { type Place, quote } from './place.ts';
import { findNearest } from './suggest.ts';

export type Fields = Readonly<Record<string, Field<unknown>>>;

type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K] extends TOptional<Field<unknown>> ? K : never }[keyof F];

/** What a section's fields give the program: keys of optional fields may be absent. */
export type SectionOf<F extends Fields> = {
  readonly [K in Exclude<keyof F, OptionalKeys<F>>]: F[K]['static'];
} & { readonly [K in OptionalKeys<F>]?: F[K]['static'] } extends infer Both
  ? { [K in keyof Both]: Both[K] }
  : never;

/** Without the key the program gets none. */
export function optional<T>(inner: Field<T>): TOptional<Field<T>> {
  return Object.assign(Optional(inner), { [reading]: inner[reading] });
}

/** Whether the key may be absent without a default. */
export function isOptional(inner: Field<unknown>): boolean {
  return (
    'Optional' in inner ||
    Object.getOwnPropertySymbols(inner).some((symbol) => symbol.description === 'TypeBox.Optional')
  );
}

export function isMap(raw: unknown): raw is Record<string, unknown> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}

/** An object of fields. Absent or empty it means the defaults of all; unknown keys are refused with a suggestion. */
export function section<const F extends Fields>(fields: F, about = ''): Schema<SectionOf<F>> {
  const names = Object.keys(fields);
  const required = names.filter((name) => fields[name] !== undefined && isRequired(fields[name]));
  const json = {
    type: ['object', 'null'],
    properties: fields,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
  return field(
    json,
    { about },
    {
      kind: 'section',
      expected: 'a section of keys and values',
      fields,
      fromText: fromJson,
      read: (raw, place) => readSection(fields, names, raw, place) as SectionOf<F>,
    },
  );
}

function isRequired(inner: Field<unknown>): boolean {
  if (inner['default'] !== undefined || isOptional(inner)) return false;
  const { fields } = inner[reading];
  return fields === undefined || Object.values(fields).some(isRequired);
}

function readSection(fields: Fields, names: readonly string[], raw: unknown, place: Place): Record<string, unknown> {
  const given = raw ?? {};
  if (!isMap(given)) {
    place.refuse(`${quote(raw)} is not a section of keys and values`);
    return {};
  }
  for (const key of Object.keys(given)) if (!Object.hasOwn(fields, key)) refuseUnknown(key, names, place);
  const result: Record<string, unknown> = {};
  for (const name of names) {
    const inner = fields[name];
    if (inner === undefined) continue;
    const value = readField(inner, Object.hasOwn(given, name) ? given[name] : undefined, place.at(name));
    if (value !== undefined) result[name] = value;
  }
  return result;
}

/** Notes a key that nobody knows, with the likeliest that was meant. */
export function refuseUnknown(key: string, known: readonly string[], place: Place): void {
  const meant = findNearest(key, known);
  const hint = meant === undefined ? `the keys here are ${known.join(', ')}` : `did you mean "${meant}"?`;
  place.at(key).refuse(`there is no such key; ${hint}`);
}

/** A field's value, its default, or a note that it is missing. */
export function readField(inner: Field<unknown>, raw: unknown, place: Place): unknown {
  const how = inner[reading];
  const value: unknown = raw ?? inner['default'];
  if (value !== undefined && value !== null) return how.read(value, place);
  if (isOptional(inner)) return undefined;
  if (how.fields !== undefined) return how.read(undefined, place);
  place.refuse(`a value is needed: ${how.expected}`);
  return undefined;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the reader names what it expected.
    return text;
  }
}

interface ManyOptions<D> {
  readonly about: string;
  /** Empty when not told. */
  readonly default?: D;
  /** Items at most, 10000 when not told. */
  readonly longest?: number;
}

/** Many of one kind; in the environment separated by commas, or as JSON. */
export function list<T>(of: Field<T>, options: ManyOptions<readonly unknown[]>): Field<readonly T[]> {
  const longest = options.longest ?? 10_000;
  const expected = `a list of at most ${longest}, each ${of[reading].expected}`;
  return field(
    { type: 'array', items: of, maxItems: longest },
    { default: [], ...options },
    {
      kind: 'list',
      expected,
      of,
      fromText: (text) => listFromText(of, text),
      read: (raw, place) => {
        if (Array.isArray(raw) && raw.length <= longest) {
          return raw.map((item: unknown, index) => of[reading].read(item, place.at(index)));
        }
        place.refuse(`${quote(raw)} is not ${expected}`);
        return [];
      },
    },
  );
}

function listFromText(of: Field<unknown>, text: string): unknown {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) return fromJson(trimmed);
  return trimmed === '' ? [] : trimmed.split(',').map((item) => of[reading].fromText(item.trim()));
}

/** Many of one kind by name; in the environment as JSON. */
export function record<T>(
  of: Field<T>,
  options: ManyOptions<Readonly<Record<string, unknown>>>,
): Field<ReadonlyMap<string, T>> {
  const longest = options.longest ?? 10_000;
  const expected = `names with values, at most ${longest}, each ${of[reading].expected}`;
  return field(
    { type: 'object', additionalProperties: of, maxProperties: longest },
    { default: {}, ...options },
    {
      kind: 'record',
      expected,
      of,
      fromText: fromJson,
      read: (raw, place) => {
        if (isMap(raw) && Object.keys(raw).length <= longest) {
          return new Map(Object.entries(raw).map(([name, item]) => [name, of[reading].read(item, place.at(name))]));
        }
        place.refuse(`${quote(raw)} is not ${expected}`);
        return new Map<string, T>();
      },
    },
  );
}
