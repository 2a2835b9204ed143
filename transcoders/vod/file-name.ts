import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** What a stream's name says of a file. */
export interface FileName {
  /** Shared by all who watch, and begun again where the configuration says so. */
  readonly live: boolean;
  /** Names of folders and of the file. */
  readonly segments: readonly string[];
}

const scheme = /^(vod|vod-live):\/\//;
/** No leading dot, so nothing hidden and nothing that climbs; no percent sign, so that a file has one name. */
const segment = /^[A-Za-z0-9_][A-Za-z0-9_.~@+=,()-]{0,99}$/;
const mostSegments = 8;
const extension = /\.(mp4|m4v|m4a|mov|mkv|mka|webm|flv|mp3|ogg|opus|spx|wav|flac|g722|g729)$/i;

/** Reads the one grammar of such names; undefined for every other name. */
export function readFileName(streamName: string): FileName | undefined {
  const [prefix, kind] = scheme.exec(streamName) ?? [];
  if (prefix === undefined) return undefined;
  const segments = streamName.slice(prefix.length).split('/');
  if (segments.length > mostSegments || !segments.every((one) => segment.test(one))) return undefined;
  return extension.test(segments.at(-1) ?? '') ? { live: kind === 'vod-live', segments } : undefined;
}

/** The file's own path, when it is a plain file that lies in `folder`, symbolic links followed. */
export async function findFile(folder: string, { segments }: FileName): Promise<string | undefined> {
  try {
    const root = await realpath(folder);
    const file = await realpath(join(root, ...segments));
    if (!file.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
    return (await stat(file)).isFile() ? file : undefined;
  } catch {
    // Not there, or not for us to read: a viewer is told no more.
    return undefined;
  }
}
