import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { cleanText } from '../../core/sessions/session-registry.ts';
import { afterIn, type Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';

export interface FfmpegProcessSettings {
  /** A name on the path, or a path. */
  readonly program: string;
  readonly args: readonly string[];
  /** 0 to 19: how far it stands back behind the server itself. */
  readonly nice: number;
  /** How long it may take to end when it is asked to. */
  readonly grace: Micros;
}

export interface FfmpegProcessDependencies {
  readonly clock: Clock;
  /** The process ends with it; its closing waits until the process is gone and reaped. */
  readonly scope: Scope;
  readonly onOutput: (bytes: Buffer) => void;
}

/** How a process ended. */
export interface FfmpegEnd {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** The last of what it said, one line. */
  readonly said: string;
}

const keptErrorBytes = 4_096;
const keptProgressBytes = 4_096;
const longestSaid = 400;

/**
 * One ffmpeg with pipes for its input (0), output (1), errors (2) and progress (3). It never goes through a shell. When
 * this server dies in whatever way, the pipe on its input closes and it ends by itself.
 */
export class FfmpegProcess {
  readonly ended: Promise<FfmpegEnd>;
  /** The newest values of `-progress`: `speed`, `frame`, `fps`. */
  readonly progress = new Map<string, string>();
  readonly #child: ReturnType<typeof spawnPiped>;
  readonly #input: Writable;
  #said = '';
  #progressRest = '';
  #hasEnded = false;
  #drained: (() => void) | undefined;

  constructor(settings: FfmpegProcessSettings, dependencies: FfmpegProcessDependencies) {
    const { clock, scope, onOutput } = dependencies;
    // A group of its own: the terminal's Ctrl-C is for the server, which then ends its children in order.
    const child = spawnPiped(settings);
    this.#child = child;
    this.#input = child.stdin;
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null): void => {
        this.#hasEnded = true;
        this.#release();
        resolve({ code: code ?? undefined, signal: signal ?? undefined, said: this.said });
      };
      child.once('error', (error) => {
        this.#hear(error.message);
        if (child.pid === undefined) end(null, null);
      });
      child.once('close', end);
    });
    scope.defer(() => this.#stop(clock, settings.grace));
    lowerPriority(child.pid, settings.nice);
    // Its end is told by `close`; a write that came too late is no fault of its own.
    this.#input.on('error', () => this.#release());
    this.#input.on('drain', () => this.#release());
    child.stdout.on('data', onOutput);
    child.stderr.on('data', (bytes: Buffer) => this.#hear(bytes.toString()));
    (child.stdio[3] as Readable).on('data', (bytes: Buffer) => this.#hearProgress(bytes.toString()));
    for (const stream of [child.stdout, child.stderr, child.stdio[3]]) stream?.on('error', () => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The last of what it wrote to its standard error, as one line without control characters. */
  get said(): string {
    return cleanText(this.#said.trim().replace(/\s+/g, ' ').slice(-longestSaid), longestSaid);
  }

  /** Holds writes back until `flush`, so that a frame goes out in one system call. */
  hold(): void {
    this.#input.cork();
  }

  flush(): void {
    this.#input.uncork();
  }

  write(bytes: Buffer): void {
    if (!this.#hasEnded && !this.#input.writableEnded) this.#input.write(bytes);
  }

  /** Whether it keeps up; when not, wait for `ready`. */
  get keepsUp(): boolean {
    return !this.#input.writableNeedDrain;
  }

  /** Resolves when more may be written, or when it has ended. One caller at a time. */
  ready(): Promise<void> {
    if (this.keepsUp || this.#hasEnded) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Nothing more will be written: it finishes what it has and ends. */
  endInput(): void {
    if (!this.#input.writableEnded) this.#input.end();
  }

  /** Ends it at once, whatever it does. */
  kill(): void {
    if (!this.#hasEnded) this.#child.kill('SIGKILL');
  }

  async #stop(clock: Clock, grace: Micros): Promise<void> {
    if (this.#hasEnded) return;
    this.endInput();
    this.#child.kill('SIGTERM');
    const cancel = clock.after(grace, () => this.kill());
    await this.ended;
    cancel();
  }

  #release(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  #hear(text: string): void {
    this.#said = (this.#said + text).slice(-keptErrorBytes);
  }

  #hearProgress(text: string): void {
    const lines = (this.#progressRest + text).split('\n');
    this.#progressRest = (lines.pop() ?? '').slice(-keptProgressBytes);
    for (const line of lines) {
      const [name = '', value] = line.split('=');
      if (value !== undefined && this.progress.size < 64) this.progress.set(name.trim(), value.trim());
    }
  }
}

function spawnPiped({ program, args }: FfmpegProcessSettings) {
  return spawn(program, [...args], { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], detached: true });
}

/** Best effort: the process may be gone already, and without the right to it nothing is lost. */
function lowerPriority(pid: number | undefined, nice: number): void {
  if (pid === undefined || nice === 0) return;
  try {
    setPriority(pid, Math.min(nice, constants.priority.PRIORITY_LOW));
  } catch {
    // It runs at our own priority then.
  }
}

/** Runs ffmpeg for its answer on standard output, at most `longest` bytes of it. Rejects when it fails. */
export async function askFfmpeg(
  settings: Omit<FfmpegProcessSettings, 'grace'> & { readonly timeout: Micros; readonly longest: number },
  dependencies: { readonly clock: Clock; readonly scope: Scope; readonly input?: readonly Buffer[] },
): Promise<Buffer> {
  const scope = dependencies.scope.child('ffmpeg');
  const pieces: Buffer[] = [];
  let size = 0;
  const run = new FfmpegProcess(
    { ...settings, grace: 0 as Micros },
    {
      clock: dependencies.clock,
      scope,
      onOutput: (bytes) => {
        size += bytes.length;
        if (size > settings.longest) run.kill();
        else pieces.push(bytes);
      },
    },
  );
  let late = false;
  afterIn(scope, dependencies.clock, settings.timeout, () => {
    late = true;
    run.kill();
  });
  run.hold();
  for (const bytes of dependencies.input ?? []) run.write(bytes);
  run.flush();
  run.endInput();
  const end = await run.ended;
  await scope.close({ code: 'done' });
  if (late) throw new Error('it took too long');
  if (size > settings.longest) throw new Error('it said too much');
  if (end.code !== 0) throw new Error(end.said === '' ? describeEnd(end) : end.said);
  return Buffer.concat(pieces);
}

/** `it ended with code 1 (…)`. */
export function describeEnd(end: FfmpegEnd): string {
  const how = end.signal === undefined ? `ended with code ${end.code ?? 'unknown'}` : `was ended by ${end.signal}`;
  return `ffmpeg ${how}${end.said === '' ? '' : ` (${end.said})`}`;
}
