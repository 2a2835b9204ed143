/** One thing that is wrong with a configuration. */
export interface Problem {
  /** `rtmp.listen.port` */
  readonly path: string;
  /** The same, piece by piece. */
  readonly keys: readonly (string | number)[];
  readonly what: string;
}

/** What reading a configuration needs of the world, handed in so that tests hand in their own. */
export interface Surroundings {
  /** Relative paths start here: the folder of the configuration file. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text of a secret's file; throws what `readFileSync` throws. */
  readFile(path: string): string;
}

/** Where in the configuration a value stands, and where its problems are noted. */
export class Place {
  readonly keys: readonly (string | number)[];
  readonly surroundings: Surroundings;
  readonly #problems: Problem[];

  constructor(keys: readonly (string | number)[], surroundings: Surroundings, problems: Problem[]) {
    this.keys = keys;
    this.surroundings = surroundings;
    this.#problems = problems;
  }

  /** The place of a key, or of an item of a list. */
  at(key: string | number): Place {
    return new Place([...this.keys, key], this.surroundings, this.#problems);
  }

  refuse(what: string): void {
    this.#problems.push({ path: pathOf(this.keys), keys: this.keys, what });
  }
}

/** A value as it is quoted in a problem: short, on one line. */
export function quote(raw: unknown): string {
  const text = JSON.stringify(raw) ?? String(raw);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** `rtmp.push[0].url` */
export function pathOf(keys: readonly (string | number)[]): string {
  let path = '';
  for (const key of keys) {
    if (typeof key === 'number') path += `[${key}]`;
    else path += path === '' ? cleanKey(key) : `.${cleanKey(key)}`;
  }
  return path;
}

/** A stranger's key may hold anything; a path is one printable line. */
function cleanKey(key: string): string {
  return /^[\w-]{1,64}$/.test(key) ? key : quote(key);
}
