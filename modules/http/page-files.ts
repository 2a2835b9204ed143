import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer | undefined;
  readonly etag: string;
  /** The name carries a hash of the content, so it may be kept for ever. */
  readonly lasting: boolean;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};
const compressible = /^text|javascript|svg|json/;
const mostFiles = 500;
const mostBytes = 32 << 20;
const compress = promisify(gzip);

/** Where the build leaves the page, seen from the sources and from the bundle. */
export function builtPageFolder(here = import.meta.dirname): string {
  return basename(here) === 'http' ? join(here, '..', '..', 'dist', 'page') : join(here, 'page');
}

/**
 * The page's files, read once into memory: what is served is found in this table and nowhere else, so no path can lead
 * out of the folder. Empty when there is no page.
 */
export async function loadPage(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  let bytes = 0;
  for (const path of await filesBelow(folder)) {
    const type = types[extname(path).toLowerCase()];
    if (type === undefined || files.size >= mostFiles) continue;
    const body = await readFile(path);
    bytes += body.length;
    if (bytes > mostBytes) break;
    const name = relative(folder, path).split(sep).join('/');
    files.set(name, {
      type,
      body,
      gzipped: compressible.test(type) && body.length > 500 ? await compress(body, { level: 9 }) : undefined,
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
      lasting: /^assets\//.test(name),
    });
  }
  return files;
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    // Symbolic links are no files here.
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch {
    // Not built: the route says how to build it.
    return [];
  }
}
