import { Buffer } from 'node:buffer';

/** RFC 2326 4. Header names in small letters; one that stands twice has its values joined by commas. */
export interface RtspRequest {
  readonly method: string;
  readonly url: string;
  readonly version: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface RtspResponse {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What stands on an RTSP connection. The bytes of a frame are a view. */
export interface RtspHearer {
  onRequest(request: RtspRequest): void;
  onResponse(response: RtspResponse): void;
  /** RFC 2326 10.12. */
  onFrame(channel: number, bytes: Buffer): void;
}

const noBody = Buffer.alloc(0);

export function formatResponse(
  response: { status: number; reason: string; version?: string },
  fields: HeaderFields,
  body: Buffer = noBody,
): Buffer {
  return formatMessage(`RTSP/${response.version ?? '1.0'} ${response.status} ${clean(response.reason)}`, fields, body);
}

export function formatRequest(
  request: { method: string; url: string },
  fields: HeaderFields,
  body: Buffer = noBody,
): Buffer {
  return formatMessage(`${request.method} ${clean(request.url)} RTSP/1.0`, fields, body);
}

function formatMessage(first: string, fields: HeaderFields, body: Buffer): Buffer {
  const lines = [first];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${clean(one)}`);
  }
  if (body.length > 0) lines.push(`Content-Length: ${body.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
}

/** A stranger's text must not begin a line of ours. */
function clean(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}
