import { type AdjustableLog, openLog } from '../../core/observe/pino-log.ts';

/** A real log whose lines a test reads. */
export function captureLog(format: 'json' | 'text' = 'json'): { log: AdjustableLog; lines: string[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line), flush: () => undefined, terminal: false };
  return { log: openLog({ level: 'debug', format }, destination), lines };
}
