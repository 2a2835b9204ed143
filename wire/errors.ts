/**
 * What a reader in wire/ may throw. wire/ cannot import core/, so it has a class of its own; sessions turn it into
 * their protocol's words.
 */
export type WireErrorCode =
  /** Bytes that break the format's grammar. */
  | 'malformed'
  /** The value ends before its own length says. */
  | 'truncated'
  /** A bound of ours was passed: depth, count or size. */
  | 'too-large'
  /** Well formed, but a version or kind that we do not read. */
  | 'unsupported';

/** The one error of wire/: `format` names the folder (`amf`, `rtmp`), `what` says in a few words what was wrong. */
export class WireError extends Error {
  readonly code: WireErrorCode;
  readonly format: string;

  constructor(code: WireErrorCode, format: string, what: string) {
    super(`${format}: ${what}`);
    this.name = 'WireError';
    this.code = code;
    this.format = format;
  }
}
