import { isMap } from './composites.ts';
import { type Field, reading } from './field.ts';

/** Prefix of every variable that overrides a key. */
export const environmentPrefix = 'SWITCHYARD_';

/** `rtmp.listen.port` is `SWITCHYARD_RTMP_LISTEN_PORT`, `streams.reconnectGrace` is `SWITCHYARD_STREAMS_RECONNECT_GRACE`. */
export function environmentName(keys: readonly string[]): string {
  const words = keys.map((key) => key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll('-', '_'));
  return environmentPrefix + words.join('_').toUpperCase();
}

/** One value that the environment and the command line can set. */
export interface Leaf {
  readonly keys: readonly string[];
  readonly field: Field<unknown>;
}

/** The leaves of a section, in the order of the file. */
export function* leavesOf(section: Field<unknown>, keys: readonly string[]): Generator<Leaf> {
  for (const [name, field] of Object.entries(section[reading].fields ?? {})) {
    const inner = [...keys, name];
    if (field[reading].fields === undefined) yield { keys: inner, field };
    else yield* leavesOf(field, inner);
  }
}

/** Puts a value into a tree of plain objects, making the way to it. A section switched off with `false` stays off. */
export function place(tree: Record<string, unknown>, keys: readonly string[], value: unknown): void {
  let at = tree;
  for (const key of keys.slice(0, -1)) {
    const next: unknown = Object.hasOwn(at, key) ? at[key] : undefined;
    const inner: Record<string, unknown> = isMap(next) ? next : next === false ? { enabled: false } : {};
    define(at, key, inner);
    at = inner;
  }
  define(at, keys.at(-1) ?? '', value);
}

/** As assignment, but safe for `__proto__`. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
