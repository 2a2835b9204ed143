import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const ticksASecond = 100;

/** The core that the server under test has to itself, and those of the load. */
export const serverCore = '0';
export const loadCores = '1-63';

/** A server under test, pinned to one core. */
export class ServerProcess {
  readonly child: ChildProcess;

  constructor(command: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.child = spawn('taskset', ['-c', serverCore, ...command], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...environment },
    });
  }

  /** User and system time so far, in ms. */
  cpuMillis(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksASecond;
  }

  /** Resident memory in MB. */
  residentMegabytes(): number {
    const match = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'));
    return Number(match?.[1] ?? 0) / 1_024;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    const cut = setTimeout(() => this.child.kill('SIGKILL'), 3_000);
    await gone;
    clearTimeout(cut);
  }
}

/** A process of load, off the server's core, spoken to over IPC. */
export function spawnLoad(file: string): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return spawn('taskset', ['-c', loadCores, process.execPath, '--import=tsx', path], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Sends an order and resolves with the answer of the kind that is waited for. */
export function ask<A extends { readonly what: string }, W extends A['what']>(
  load: ChildProcess,
  order: object,
  what: W,
): Promise<Extract<A, { what: W }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: A): void => {
      if (answer.what !== what) return;
      load.off('message', onMessage);
      load.off('exit', onExit);
      resolve(answer as Extract<A, { what: W }>);
    };
    const onExit = (): void => reject(new Error(`a load process ended while "${what}" was waited for`));
    load.on('message', onMessage);
    load.once('exit', onExit);
    load.send(order);
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Resolves when something accepts on the port. */
export async function waitForPort(port: number, seconds = 20): Promise<void> {
  for (let attempt = 0; attempt < seconds * 50; attempt += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on port ${port}`);
}

export function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
