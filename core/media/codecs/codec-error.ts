/** `malformed`: bytes that break the codec's grammar. `unsupported`: well formed, but a kind that we do not read. */
export type CodecErrorCode = 'malformed' | 'unsupported';

/** The one error of core/media/codecs: `codec` names what was read (`h264`), the message says what was wrong. */
export class CodecError extends Error {
  readonly code: CodecErrorCode;
  readonly codec: string;

  constructor(code: CodecErrorCode, codec: string, what: string) {
    super(`${codec}: ${what}`);
    this.name = 'CodecError';
    this.code = code;
    this.codec = codec;
  }
}
