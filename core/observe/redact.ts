const secretKey = /token|passw(or)?d|secret|authorization|cookie|(^|[-_])key$|(api|private|stream|secret)key$|^pwd$/i;
const secretInQuery =
  /([?&;\s]|^)((?:[\w-]*(?:token|password|passwd|secret)[\w-]*)|pass|pwd|key|authorization|signature)=[^&\s"'#]+/gi;
const userInUrl = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@?#]+@/gi;
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const hidden = '[redacted]';
const longestText = 8_192;
const deepest = 6;
const mostItems = 200;

/** Takes the secrets out of URLs and queries in a text. */
export function redactText(text: string): string {
  const bounded = text.length > longestText ? `${text.slice(0, longestText)}…` : text;
  return bounded.replace(secretInQuery, `$1$2=${hidden}`).replace(userInUrl, `$1${hidden}@`);
}

/** Shows control characters and those that turn the writing direction, so that no text breaks a line or drives a terminal. */
export function showControls(text: string): string {
  return text.replace(unprintable, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return ' ';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Facts as plain values: bounded in depth and length, without secrets, errors as data. */
export function plainFacts(facts: object): Record<string, unknown> {
  return plainMap(facts, 0);
}

function plainMap(source: object, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(source).slice(0, mostItems)) {
    if (value === undefined) continue;
    result[key] =
      secretKey.test(key) && value !== null && typeof value !== 'boolean' ? hidden : plain(value, depth + 1);
  }
  return result;
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > deepest) return '[deep]';
  if (value instanceof Error) return plainError(value, depth);
  if (value instanceof URL || value instanceof Date) return redactText(value.toString());
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, mostItems).map((item) => plain(item, depth + 1));
  if (value instanceof Map || value instanceof Set) return `[${value.size} items]`;
  if ('toJSON' in value && typeof value.toJSON === 'function')
    return plain((value.toJSON as () => unknown)(), depth + 1);
  return plainMap(value, depth);
}

function plainError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    message: redactText(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: plain(error.cause, depth + 1) }),
  };
}
