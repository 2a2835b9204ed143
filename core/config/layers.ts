import { describeError } from '../errors.ts';
import { isMap } from './composites.ts';
import { environmentName, type Leaf, place } from './environment.ts';
import { type Field, reading } from './field.ts';
import { findTooDeep } from './nesting.ts';
import type { Problem } from './place.ts';

/** A configuration file as text and tree, before any schema has seen it. */
export interface ConfigFile {
  readonly path: string;
  readonly tree: Record<string, unknown>;
  readonly problems: readonly Problem[];
  /** The line, from 1, of a key or of its nearest parent in the file. */
  findLine(keys: readonly (string | number)[]): number | undefined;
}

/** Aliases of YAML multiply what a small file stands for; so many may be followed. */
const mostAliases = 100;

/** Reads YAML (JSON is a part of it). Mistakes of syntax become problems; nothing is thrown. */
export async function parseConfigFile(path: string, text: string): Promise<ConfigFile> {
  // By the default export: that is all a bundler makes of a CommonJS package.
  const { LineCounter, parseDocument } = (await import('yaml')).default;
  const lineCounter = new LineCounter();
  const problems: Problem[] = [];
  const refuse = (what: string): number => problems.push({ path: '', keys: [], what });
  const nothing = { path, tree: {}, problems, findLine: () => undefined };
  const tooDeep = findTooDeep(text);
  if (tooDeep !== undefined) {
    refuse(`line ${tooDeep} is nested too deep`);
    return nothing;
  }
  try {
    const document = parseDocument(text, { lineCounter, prettyErrors: false });
    for (const error of document.errors) {
      refuse(`line ${lineCounter.linePos(error.pos[0]).line} is not YAML: ${error.message}`);
    }
    if (problems.length > 0) return nothing;
    const tree: unknown = document.toJS({ maxAliasCount: mostAliases });
    if (tree !== null && tree !== undefined && !isMap(tree)) refuse('the file is not a list of sections');
    const findLine = (keys: readonly (string | number)[]): number | undefined => {
      for (let length = keys.length; length > 0; length -= 1) {
        const node: unknown = document.getIn(keys.slice(0, length), true);
        const range =
          isMap(node) || typeof node === 'object' ? (node as { range?: [number, number, number] }).range : undefined;
        if (range !== undefined) return lineCounter.linePos(range[0]).line;
      }
      return undefined;
    };
    return { path, tree: isMap(tree) ? tree : {}, problems, findLine };
  } catch (error) {
    // Too many aliases.
    refuse(`the file cannot be read: ${describeError(error)}`);
    return nothing;
  }
}

/** Lays the environment over the tree; gives the variable's name for each path it set. */
export function overlayEnvironment(
  tree: Record<string, unknown>,
  leaves: Iterable<Leaf>,
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, string> {
  const origins = new Map<string, string>();
  for (const { keys, field } of leaves) {
    const name = environmentName(keys);
    const text = environment[name];
    if (text === undefined) continue;
    place(tree, keys, field[reading].fromText(text));
    origins.set(keys.join('.'), name);
  }
  return origins;
}

/** Lays one `module.key=value` of the command line over the tree; gives its path, or the problem. */
export function overlaySetting(
  tree: Record<string, unknown>,
  setting: string,
  sections: ReadonlyMap<string, Field<unknown>>,
): { readonly path: string } | Problem {
  const at = setting.indexOf('=');
  const keys = setting.slice(0, Math.max(0, at)).split('.');
  if (at < 1 || keys.some((key) => key === '')) {
    return { path: '--set', keys: [], what: `${JSON.stringify(setting)} is not of the form module.key=value` };
  }
  const text = setting.slice(at + 1);
  let field: Field<unknown> | undefined = sections.get(keys[0] ?? '');
  for (const key of keys.slice(1)) {
    const fields = field?.[reading].fields;
    field = fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined;
  }
  // A key that nobody knows is laid in as it is: reading refuses it with a suggestion.
  place(
    tree,
    keys,
    keys.length === 1 && (text === 'false' || text === 'true')
      ? text === 'true'
      : (field?.[reading].fromText(text) ?? text),
  );
  return { path: keys.join('.') };
}
