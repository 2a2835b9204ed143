/** Why a lifetime ended. `code` is for programs and metrics, `detail` for people. */
export interface CloseReason {
  readonly code: CloseCode;
  readonly detail?: string;
  readonly error?: unknown;
}

export type CloseCode =
  /** The peer or owner finished in order. */
  | 'done'
  /** The peer's connection went away without a goodbye. */
  | 'peer-left'
  /** The publisher of what was watched has ended. */
  | 'publisher-left'
  /** A policy or limit said no. */
  | 'refused'
  /** Another publisher took the name over. */
  | 'replaced'
  /** An administrator or a REST call ended it. */
  | 'terminated'
  /** Nobody used it any longer. */
  | 'idle'
  /** The peer said nothing for too long. */
  | 'timeout'
  /** The peer broke its protocol. */
  | 'protocol-violation'
  /** Something of ours failed. */
  | 'failed'
  /** The module is being restarted with a new configuration. */
  | 'restart'
  /** The server stops. */
  | 'shutdown';

/** The reason as one phrase. */
export function describeReason(reason: CloseReason): string {
  return reason.detail === undefined ? reason.code : `${reason.code} (${reason.detail})`;
}
