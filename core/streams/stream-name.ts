import { SwitchyardError } from '../errors.ts';

/** Letters, marks and digits of any script, and the marks that names of rooms, cameras and calls use. */
const plainName = /^[\p{L}\p{M}\p{N}_@#:+=~!,()&$' -][\p{L}\p{M}\p{N}._@#:+=~!,()&$' -]*$/u;
const longestName = 200;
const longestUri = 1_024;
const uri = /^[a-z][a-z0-9+.-]{1,20}:\/\/[\x21-\x7e]+$/;

/**
 * The one grammar of stream names, applied at the edge: a plain name without slash, backslash, percent, quote or
 * control character that doesn't begin with a dot or end in a space, or a URI that a source can claim. Throws
 * `stream-name-invalid`.
 */
export function parseStreamName(text: string): string {
  const why = findFault(text);
  if (why === undefined) return text;
  throw new SwitchyardError('stream-name-invalid', { stream: text.slice(0, 60).replace(/[^\x20-\x7e]/g, '?'), why });
}

function findFault(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text.includes('://')) {
    if (text.length > longestUri) return `a URI has at most ${longestUri} characters`;
    return uri.test(text) && !/["'\\<>`]/.test(text) ? undefined : 'it is not a plain URI';
  }
  if (Buffer.byteLength(text) > longestName) return `it is longer than ${longestName} bytes`;
  if (text.startsWith(' ') || text.endsWith(' ')) return 'it begins or ends with a space';
  return plainName.test(text) ? undefined : 'it has a character that names may not have';
}
