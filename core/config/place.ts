/** One thing that is wrong with a configuration. */
export interface Problem {
  /** `rtmp.listen.port` */
  readonly path: string;
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
  readonly path: string;
  readonly surroundings: Surroundings;
  readonly #problems: Problem[];

  constructor(path: string, surroundings: Surroundings, problems: Problem[]) {
    this.path = path;
    this.surroundings = surroundings;
    this.#problems = problems;
  }

  /** The place of a key, or of an item of a list. */
  at(key: string | number): Place {
    const path = typeof key === 'number' ? `${this.path}[${key}]` : this.path === '' ? key : `${this.path}.${key}`;
    return new Place(path, this.surroundings, this.#problems);
  }

  refuse(what: string): void {
    this.#problems.push({ path: this.path, what });
  }
}

/** A value as it is quoted in a problem: short, on one line. */
export function quote(raw: unknown): string {
  const text = JSON.stringify(raw) ?? String(raw);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
