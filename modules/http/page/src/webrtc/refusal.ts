/** An answer of WHIP or WHEP other than the one that was hoped for. */
export class Refusal extends Error {
  readonly status: number;

  /** `detail` is the server's own sentence (RFC 9457). */
  constructor(status: number, detail: string) {
    super(detail);
    this.name = 'Refusal';
    this.status = status;
  }

  /** Whether another try would end the same. */
  get isFinal(): boolean {
    return [400, 401, 403, 406, 409, 415, 422].includes(this.status);
  }

  get wantsToken(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

export async function readRefusal(response: Response): Promise<Refusal> {
  // A proxy in between refuses in words that are no JSON; the status says enough.
  const told = (await response.json().catch(() => ({}))) as { readonly detail?: unknown };
  return new Refusal(response.status, typeof told.detail === 'string' ? told.detail : '');
}

/** Why publishing as `name` failed, for people. */
export function publishFault(error: unknown, name: string): string {
  if (!(error instanceof Refusal)) return commonFault(error);
  switch (error.status) {
    case 400:
      return `“${name}” cannot be the name of a stream. ${error.message}`;
    case 401:
    case 403:
      return 'The server does not allow you to publish under this name. An access token may help.';
    case 404:
      return 'This server takes no streams from browsers.';
    case 406:
      return 'The server does not take this codec. Choose another one.';
    case 409:
      return `“${name}” is live already. Choose another name.`;
    default:
      return refusalInWords(error);
  }
}

/** Why playing failed, for people. */
export function playFault(error: unknown): string {
  if (!(error instanceof Refusal)) return commonFault(error);
  switch (error.status) {
    case 401:
    case 403:
      return 'The server does not allow you to watch this stream.';
    case 404:
      return 'The stream is not there.';
    case 406:
      return 'This browser and the stream have no codec in common.';
    default:
      return refusalInWords(error);
  }
}

function refusalInWords({ status, message }: Refusal): string {
  if (status === 503) return `The server has no room at the moment. ${message}`.trim();
  return `The server answered ${status}. ${message}`.trim();
}

function commonFault(error: unknown): string {
  // fetch gives TypeError for everything that happens below HTTP.
  if (error instanceof TypeError) return 'The server cannot be reached.';
  return error instanceof Error ? error.message : String(error);
}
