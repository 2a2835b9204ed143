import { pino } from 'pino';
import type { Log } from './log.ts';
import type { LogSettings } from './log-settings.ts';
import { plainFacts, redactText, showControls } from './redact.ts';

/** Where lines go; `flush` writes out at once what waits, before the process ends. */
export interface LogDestination {
  write(line: string): void;
  flush(): void;
  readonly terminal: boolean;
}

/** A log whose settings may change while it runs. */
export interface AdjustableLog extends Log {
  adjust(settings: LogSettings): void;
  flush(): void;
  /** Whether people read it: lines of text, not of JSON. */
  readonly asText: boolean;
}

const levels = { debug: 20, info: 30, warn: 40, error: 50, silent: 100 } as const;

/** So much may wait for a slow reader of our output before lines are lost; a stalled terminal must not stop media. */
const mostWaiting = 1_048_576;

/** Standard output, never waited for. */
export function standardOutput(): LogDestination {
  const stream = pino.destination({ fd: 1, sync: false, maxLength: mostWaiting });
  // A reader that went away (EPIPE) is no reason to end.
  stream.on('error', () => undefined);
  return {
    write: (line) => void stream.write(line),
    flush: () => flushQuietly(stream),
    terminal: process.stdout.isTTY,
  };
}

function flushQuietly(stream: { flushSync(): void }): void {
  try {
    stream.flushSync();
  } catch {
    // Nobody is left to read it.
  }
}

interface Shared {
  least: number;
  asText: boolean;
}

/** Structured log over pino: lines of JSON, or of text for people. */
export function openLog(settings: LogSettings, destination: LogDestination): AdjustableLog {
  const shared: Shared = { least: 0, asText: false };
  const adjust = (changed: LogSettings): void => {
    shared.least = levels[changed.level];
    shared.asText = changed.format === 'text' || (changed.format === 'auto' && destination.terminal);
  };
  adjust(settings);
  const stream = { write: (line: string) => destination.write(shared.asText ? formatText(line) : showInJson(line)) };
  const options: pino.LoggerOptions = {
    base: null,
    level: 'debug',
    formatters: { level: (label) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
  };
  const log = overPino(pino(options, stream), shared);
  return {
    ...log,
    adjust,
    flush: () => destination.flush(),
    get asText() {
      return shared.asText;
    },
  };
}

function overPino(logger: pino.Logger, shared: Shared): Log {
  const say = (level: 'debug' | 'info' | 'warn' | 'error') => (sentence: string, facts?: object) => {
    if (levels[level] < shared.least) return;
    const told = redactText(sentence);
    if (facts === undefined) logger[level](told);
    else logger[level](plainFacts(facts), told);
  };
  return {
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    child: (facts) => overPino(logger.child(plainFacts(facts)), shared),
  };
}

/** JSON escapes the control characters below U+0020 itself; terminals act on some above as well. */
function showInJson(line: string): string {
  return `${showControls(line.trimEnd())}\n`;
}

/** `12:34:56.789 info  rtmp: The sentence. key=value` */
function formatText(line: string): string {
  const { time, level, message, module, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const who = typeof module === 'string' ? `${module}: ` : '';
  const told = Object.entries(facts).map(([key, value]) => `${key}=${factAsText(value)}`);
  const shown = [`${clock} ${String(level).padEnd(5)} ${who}${String(message)}`, ...told].join(' ');
  return `${showControls(shown)}\n`;
}

function factAsText(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === 'object' && value !== null && 'message' in value && 'stack' in value) {
    const frames = String(value.stack).split('\n').slice(1, 4);
    return JSON.stringify([String(value.message), ...frames.map((frame) => frame.trim())].join(' < '));
  }
  return JSON.stringify(value);
}
