import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** Files that git knows and that stand in the checkout, by path from the root. */
export const trackedFiles: readonly string[] = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));

export const sourceFiles = trackedFiles.filter((path) => /\.tsx?$/.test(path));

export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Folders directly in `folder` that hold tracked files. */
export function foldersIn(folder: string): readonly string[] {
  const names = trackedFiles
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => path.split('/'))
    .flatMap(([, name, inner]) => (inner === undefined || name === undefined ? [] : [name]));
  return [...new Set(names)];
}
