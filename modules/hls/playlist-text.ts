import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** One version of a playlist as it is sent: made once, shared by all who ask. */
export class PlaylistText {
  version = -1;
  body: Buffer = Buffer.alloc(0);
  #gzipped: Buffer | undefined;
  #etag: string | undefined;

  replace(version: number, text: string): void {
    this.version = version;
    this.body = Buffer.from(text);
    this.#gzipped = undefined;
    this.#etag = undefined;
  }

  get gzipped(): Buffer {
    this.#gzipped ??= gzipSync(this.body, { level: 5 });
    return this.#gzipped;
  }

  /** Weak, since it stands for the text in either encoding (RFC 9110 8.8.1). */
  get etag(): string {
    this.#etag ??= `W/"${createHash('sha1').update(this.body).digest('base64url').slice(0, 16)}"`;
    return this.#etag;
  }
}
