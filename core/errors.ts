/**
 * The catalogue of everything that Switchyard refuses or fails with. `docs/reference/errors.md` is generated from it.
 * A code is stable; its detail is typed; its sentence says what to do where something can be done.
 */
export interface ErrorDetails {
  'stream-not-found': { stream: string };
  'stream-name-taken': { stream: string };
  'stream-name-invalid': { stream: string; why: string };
  'stream-ended': { stream: string; why: string };
  'stream-has-no-media': { stream: string; seconds: number };
  'codecs-do-not-match': { stream: string; wanted: string; published: string };
  /** `challenge`: another try with credentials may be let in. */
  'access-refused': { what: string; why: string; challenge?: boolean };
  'source-failed': { stream: string; why: string };
  'timed-out': { what: string; seconds: number };
  'limit-reached': { what: string; limit: number };
  'session-not-admitted': { what: string };
  'protocol-violation': { protocol: string; what: string };
  'config-invalid': { problems: string };
  'config-unreadable': { file: string; why: string };
  'module-not-found': { module: string; why: string };
  'module-requires': { module: string; service: string };
  'module-cycle': { modules: string };
  'module-failed': { module: string; why: string };
  'port-unavailable': { module: string; port: number; host: string; why: string; remedy: string };
  'service-not-provided': { service: string };
  'transcoder-failed': { transcoder: string; why: string };
  'budget-spent': { stream: string; wanted: string; published: string; cores: number };
  'tool-missing': { tool: string; needed: string; remedy: string };
  'certificate-unusable': { file: string; why: string };
  'credential-unusable': { file: string; why: string };
  closed: { what: string; why: string };
}

export type ErrorCode = keyof ErrorDetails;

type Sentences = { readonly [C in ErrorCode]: (detail: ErrorDetails[C]) => string };

const sentences: Sentences = {
  'stream-not-found': (d) => `There is no stream named "${d.stream}".`,
  'stream-name-taken': (d) => `The stream name "${d.stream}" is already in use.`,
  'stream-name-invalid': (d) => `"${d.stream}" is not a stream name: ${d.why}.`,
  'stream-ended': (d) => `The stream "${d.stream}" has ended: ${d.why}.`,
  'stream-has-no-media': (d) => `The stream "${d.stream}" sent no decodable media within ${d.seconds} s.`,
  'codecs-do-not-match': (d) =>
    `The stream "${d.stream}" has ${d.published}, which the viewer does not take (it takes ${d.wanted}), and no transcoder offers the change.`,
  'access-refused': (d) => `Access refused to ${d.what}: ${d.why}.`,
  'source-failed': (d) => `The source of the stream "${d.stream}" failed: ${d.why}.`,
  'timed-out': (d) => `${d.what} took longer than ${d.seconds} s.`,
  'limit-reached': (d) => `The limit of ${d.limit} ${d.what} is reached.`,
  'session-not-admitted': (d) => `${d.what} came before the session was admitted.`,
  'protocol-violation': (d) => `The peer broke the ${d.protocol} protocol: ${d.what}.`,
  'config-invalid': (d) => `The configuration is not valid:\n${d.problems}`,
  'config-unreadable': (d) => `The configuration file ${d.file} cannot be read: ${d.why}.`,
  'module-not-found': (d) => `The module "${d.module}" cannot be loaded: ${d.why}.`,
  'module-requires': (d) =>
    `The module "${d.module}" needs the service "${d.service}", which no enabled module provides. Enable the one that does, or disable "${d.module}".`,
  'module-cycle': (d) => `The modules need each other in a circle: ${d.modules}.`,
  'module-failed': (d) => `The module "${d.module}" failed to start: ${d.why}.`,
  'port-unavailable': (d) =>
    `The module "${d.module}" cannot listen on ${d.host} port ${d.port}: ${d.why}. ${d.remedy}`,
  'service-not-provided': (d) => `No enabled module provides the service "${d.service}".`,
  'transcoder-failed': (d) => `The transcoder "${d.transcoder}" failed: ${d.why}.`,
  'budget-spent': (d) =>
    `The stream "${d.stream}" has ${d.published}; the viewer takes ${d.wanted}; the transcoding budget of ${d.cores} cores is spent.`,
  'tool-missing': (d) => `${d.tool} was not found; ${d.needed} needs it. ${d.remedy}`,
  'certificate-unusable': (d) => `The certificate file ${d.file} cannot be used: ${d.why}.`,
  'credential-unusable': (d) => `The file ${d.file} of the administrator's password cannot be used: ${d.why}.`,
  closed: (d) => `${d.what} is closed: ${d.why}.`,
};

/** Every code of the catalogue, for the reference page and its test. */
export const errorCodes = Object.keys(sentences) as readonly ErrorCode[];

/** The one error class of core, modules and transcoders: data with a code. */
export class SwitchyardError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly detail: ErrorDetails[C];

  constructor(code: C, detail: ErrorDetails[C], options?: { cause?: unknown }) {
    super(sentences[code](detail), options);
    this.name = 'SwitchyardError';
    this.code = code;
    this.detail = detail;
  }
}

/** Narrows an unknown caught value to one code of the catalogue. */
export function isError<C extends ErrorCode>(error: unknown, code: C): error is SwitchyardError<C> {
  return error instanceof SwitchyardError && error.code === code;
}

/** The sentence to show for anything that was caught. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
