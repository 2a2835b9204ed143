import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';

/** A foreign program that runs beside the test, with all that it says. */
export class ForeignProgram {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #said: Buffer[] = [];
  /** The exit code; undefined when a signal ended it. Rejects when it could not be started. */
  readonly ended: Promise<number | undefined>;

  constructor(name: string, argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.name = name;
    const env = { ...process.env, ...environment };
    this.#child = spawn(name, argv, { stdio: ['ignore', 'pipe', 'pipe'], env });
    const collect = (bytes: Buffer): void => void this.#said.push(bytes);
    this.#child.stdout?.on('data', collect);
    this.#child.stderr?.on('data', collect);
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code) => resolve(code ?? undefined));
    });
    // Who never waits for it is not to be ended by it.
    this.ended.catch(() => undefined);
  }

  /** What it has written so far, to both of its outputs. */
  get said(): string {
    return Buffer.concat(this.#said).toString();
  }

  /** Waits until it ends by itself, which must be without an error. */
  async succeeds(): Promise<string> {
    const code = await this.ended;
    assert.equal(code, 0, `${this.name} ended with ${code}: ${this.said.slice(-2_000)}`);
    return this.said;
  }

  /** Ends it as Ctrl+C does, and waits until it has gone; does nothing when it has. */
  async interrupt(): Promise<void> {
    this.#child.kill('SIGINT');
    await this.ended;
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    // One that never started is gone as well.
    await this.ended.catch(() => undefined);
  }
}

/** Runs a program to its end; gives all that it said. */
export function runForeign(name: string, argv: readonly string[]): Promise<string> {
  return new ForeignProgram(name, argv).succeeds();
}
