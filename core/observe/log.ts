/** Structured log: a sentence, and its facts as an object. Never put secrets in either. */
export interface Log {
  debug(sentence: string, facts?: object): void;
  info(sentence: string, facts?: object): void;
  warn(sentence: string, facts?: object): void;
  error(sentence: string, facts?: object): void;
  /** A log whose every line carries `facts`. */
  child(facts: object): Log;
}

/** Says nothing: for tests. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
