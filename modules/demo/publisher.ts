import { type ChildProcess, spawn } from 'node:child_process';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Log } from '../../core/observe/log.ts';
import { afterIn, type Cancel, type Clock } from '../../core/time/clock.ts';
import { type Micros, micros } from '../../core/time/micros.ts';
import type { DemoConfig } from './config.ts';
import { testPictureArguments } from './test-picture.ts';

export type PublisherState = 'waiting' | 'publishing' | 'tool missing' | 'ended';

/** Keeps one ffmpeg that publishes the test picture alive: started again with back-off, ended with its scope. */
export class TestPicturePublisher {
  readonly #config: DemoConfig;
  readonly #url: string;
  readonly #scope: Scope;
  readonly #clock: Clock;
  readonly #log: Log;
  #state: PublisherState = 'waiting';
  #starts = 0;
  #delay: Micros;
  /** Builds of ffmpeg without FreeType have no drawtext: then the picture comes without the wall clock. */
  #withClock = true;

  constructor(config: DemoConfig, dependencies: { url: string; scope: Scope; clock: Clock; log: Log }) {
    this.#config = config;
    this.#url = dependencies.url;
    this.#scope = dependencies.scope;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#delay = config.restartDelay;
  }

  get state(): PublisherState {
    return this.#state;
  }

  get starts(): number {
    return this.#starts;
  }

  /** Starts ffmpeg; it is started again whenever it ends, until the scope closes. */
  start(): void {
    if (this.#scope.closed) return;
    this.#starts += 1;
    const startedAt = this.#clock.now();
    const argv = testPictureArguments(this.#config, this.#url, this.#withClock);
    const child = spawn(this.#config.ffmpeg, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    const release = this.#scope.defer(() => endChild(child, this.#clock));
    this.#state = 'publishing';
    const said = collectEnd(child);
    let over = false;
    const end = (tell: () => void): void => {
      if (over) return;
      over = true;
      release();
      if (!this.#scope.closed) tell();
    };
    child.once('error', (error) => end(() => this.#failToStart(error)));
    child.once('exit', (code, signal) => end(() => this.#restart(code ?? signal, said.text, startedAt)));
  }

  #failToStart(error: Error): void {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      this.#restart(describeError(error), '', this.#clock.now());
      return;
    }
    this.#state = 'tool missing';
    const missing = new SwitchyardError('tool-missing', {
      tool: this.#config.ffmpeg,
      needed: 'the test picture of --demo',
      remedy: 'Install it (apt-get install ffmpeg) and start again; everything else runs.',
    });
    this.#log.error(missing.message);
  }

  #restart(outcome: unknown, said: string, startedAt: Micros): void {
    this.#state = 'waiting';
    if (/No such filter: '?drawtext/.test(said)) this.#withClock = false;
    // One that ran for a while has earned a quick return.
    if (this.#clock.now() - startedAt > this.#config.restartDelayMaximum) this.#delay = this.#config.restartDelay;
    this.#log.warn('The test picture stopped; it is started again.', { outcome, said: said.trim().slice(-400) });
    afterIn(this.#scope, this.#clock, this.#delay, () => this.start());
    this.#delay = micros(Math.min(this.#delay * 2, this.#config.restartDelayMaximum));
  }
}

/** The last of what a child says on standard error. */
function collectEnd(child: ChildProcess): { text: string } {
  const said = { text: '' };
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    said.text = (said.text + text).slice(-2_000);
  });
  return said;
}

/** Asks, and after a second cuts. */
function endChild(child: ChildProcess, clock: Clock): Promise<void> | undefined {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return undefined;
  return new Promise((resolve) => {
    let cancel: Cancel = () => undefined;
    child.once('exit', () => {
      cancel();
      resolve();
    });
    child.kill('SIGTERM');
    cancel = clock.after(micros(1_000_000), () => void child.kill('SIGKILL'));
  });
}
