import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BidiSession } from './bidi-session.ts';
import type { BrowserPage, LaunchedBrowser } from './browser-page.ts';

const preferences = {
  // A camera and a microphone that need no permission, and sound without a click.
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.devices.unfocused.enabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  // A sound card for machines without one: no AudioContext runs otherwise.
  'media.cubeb.force_mock_context': true,
  // Candidates that a server on this host reaches: only a page with these permissions looks beyond the way to the world.
  'permissions.default.camera': 1,
  'permissions.default.microphone': 1,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // No calls home, which a closed network answers slowly: nothing here has a name.
  'network.dns.disabled': true,
  'app.update.disabledForTesting': true,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
};

/** What it may take to leave, ms. */
const patience = 10_000;

/** Runs in each page before its own scripts: tells of every message that goes over its WebSockets. */
const watchSockets = `(tell) => {
  let last = 0;
  const Original = WebSocket;
  window.WebSocket = class WebSocket extends Original {
    #number = ++last;
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => this.#tell('framereceived', data));
    }
    send(data) {
      this.#tell('framesent', data);
      super.send(data);
    }
    #tell(event, payload) {
      if (typeof payload === 'string') tell(JSON.stringify({ number: this.#number, event, payload }));
    }
  };
}`;

/**
 * Debian's Firefox, headless, with a fake camera, and `more` preferences. Not by playwright, which asks more of BiDi than the ESR knows.
 */
export async function launchFirefox(more: Readonly<Record<string, string>> = {}): Promise<LaunchedBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'switchyard-firefox-'));
  const lines = Object.entries({ ...preferences, ...more }).map(
    ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`,
  );
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  const child = spawn(
    '/usr/bin/firefox-esr',
    ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  // Rejects when it could not be started, of which findUrl tells.
  const ended = once(child, 'close').catch(() => undefined);
  const gone = ended.then(() => {
    process.off('exit', kill);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  try {
    const session = await BidiSession.open(await findUrl(child), ['log.entryAdded', 'script.message']);
    return await Firefox.open(session, { gone, kill });
  } catch (error) {
    kill();
    await gone;
    throw error;
  }
}

/** Where it listens, as it says itself. */
function findUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString()).slice(-8_000);
      const url = /WebDriver BiDi listening on (ws:\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once('close', (code) => reject(new Error(`Firefox ended with ${code}: ${said}`)));
    child.once('error', reject);
  });
}

interface FirefoxProgram {
  /** When it has ended, and its profile is removed. */
  readonly gone: Promise<void>;
  kill(): void;
}

class Firefox implements LaunchedBrowser {
  readonly #session: BidiSession;
  readonly #program: FirefoxProgram;
  readonly #pages = new Map<string, FirefoxPage>();

  private constructor(session: BidiSession, program: FirefoxProgram) {
    this.#session = session;
    this.#program = program;
    session.onEvent((method, params) => {
      const { context } = params['source'] as { context?: string };
      this.#pages.get(context ?? '')?.take(method, params);
    });
  }

  static async open(session: BidiSession, program: FirefoxProgram): Promise<Firefox> {
    const channel = { type: 'channel', value: { channel: 'sockets', ownership: 'none' } };
    await session.call('script.addPreloadScript', { functionDeclaration: watchSockets, arguments: [channel] });
    return new Firefox(session, program);
  }

  async newPage(): Promise<FirefoxPage> {
    const { context } = await this.#session.call<{ context: string }>('browsingContext.create', { type: 'window' });
    const page = new FirefoxPage(this.#session, context);
    this.#pages.set(context, page);
    return page;
  }

  async close(): Promise<void> {
    const timer = setTimeout(this.#program.kill, patience);
    await this.#session.call('browser.close').catch(this.#program.kill);
    await this.#program.gone;
    clearTimeout(timer);
    this.#session.close();
  }
}

class FirefoxPage extends EventEmitter implements BrowserPage {
  readonly #session: BidiSession;
  readonly #context: string;
  readonly #sockets = new Map<number, EventEmitter>();

  constructor(session: BidiSession, context: string) {
    super();
    this.#session = session;
    this.#context = context;
  }

  async goto(url: string): Promise<void> {
    await this.#session.call('browsingContext.navigate', { context: this.#context, url, wait: 'complete' });
  }

  async evaluate<T>(script: string): Promise<T> {
    const { result } = await this.#session.call<{ readonly result: { readonly value: string } }>('script.evaluate', {
      expression: `(async () => (0, eval)(${JSON.stringify(script)}))().then(
        (told) => JSON.stringify({ told }),
        (error) => JSON.stringify({ error: String(error) }),
      )`,
      target: { context: this.#context },
      awaitPromise: true,
    });
    const { told, error } = JSON.parse(result.value) as { readonly told: T; readonly error?: string };
    if (error !== undefined) throw new Error(error);
    return told;
  }

  async waitForTimeout(milliseconds: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  async close(): Promise<void> {
    await this.#session.call('browsingContext.close', { context: this.#context });
  }

  /** An event of this page. */
  take(method: string, params: Record<string, unknown>): void {
    if (method === 'script.message') {
      this.#passFrame((params['data'] as { value: string }).value);
    } else if (params['type'] === 'javascript' && params['level'] === 'error') {
      this.emit('pageerror', new Error(String(params['text'])));
    }
  }

  #passFrame(told: string): void {
    const { number, event, payload } = JSON.parse(told) as { number: number; event: string; payload: string };
    let socket = this.#sockets.get(number);
    if (socket === undefined) {
      socket = new EventEmitter();
      this.#sockets.set(number, socket);
      this.emit('websocket', socket);
    }
    socket.emit(event, { payload });
  }
}
