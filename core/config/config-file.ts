import { readFileSync, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { describeError, SwitchyardError } from '../errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { afterIn, type Cancel, type Clock } from '../time/clock.ts';
import { millis } from '../time/micros.ts';
import type { ConfigSources } from './configuration.ts';
import { parseConfigFile } from './layers.ts';

const largestFile = 1_048_576;
/** Editors write in several steps. */
const settling = millis(200);

export interface SourceOptions {
  /** The configuration file; without it only the environment and the settings count. */
  readonly file?: string;
  readonly settings?: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Reads the file and gathers the layers. Throws `config-unreadable`; what is wrong inside is told when it is read. */
export async function readSources(options: SourceOptions): Promise<ConfigSources> {
  const path = options.file === undefined ? undefined : resolve(options.file);
  const file = path === undefined ? undefined : await parseConfigFile(path, await readBounded(path));
  return {
    ...(file === undefined ? {} : { file }),
    settings: options.settings ?? [],
    surroundings: {
      folder: path === undefined ? process.cwd() : dirname(path),
      environment: options.environment,
      readFile: (secret) => readFileSync(secret, 'utf8'),
    },
  };
}

async function readBounded(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > largestFile) throw new Error(`it has more than ${largestFile} bytes`);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new SwitchyardError('config-unreadable', { file: path, why: describeError(error) }, { cause: error });
  }
}

/** Tells once of each change of the file, a moment after its last write, until the scope ends. */
export function watchConfigFile(path: string, dependencies: { scope: Scope; clock: Clock }, changed: () => void): void {
  const { scope, clock } = dependencies;
  let cancel: Cancel = () => undefined;
  // The folder, because editors and configuration maps put a new file in the place of the old one.
  const watcher = watch(dirname(path), { persistent: false }, (_kind, name) => {
    // Configuration maps turn a symbolic link beside the file.
    if (name !== null && name !== basename(path) && !name.startsWith('..')) return;
    cancel();
    cancel = afterIn(scope, clock, settling, changed);
  });
  scope.defer(() => watcher.close());
  // The folder itself may go away: then there is nothing to watch.
  watcher.on('error', () => watcher.close());
}
