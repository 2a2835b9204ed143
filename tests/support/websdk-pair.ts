import assert from 'node:assert/strict';
import type { LaunchedBrowser } from './browser-page.ts';
import { launchChromiumPeer } from './chromium.ts';
import { waitFor } from './wait-for.ts';
import { has, WebsdkBrowser, type WebsdkClient } from './websdk-browser.ts';
import { WebsdkServer } from './websdk-server.ts';

/** A server, and for each test two pages with the SDK: one that publishes, and one that plays. */
export class WebsdkPair {
  publisher!: WebsdkClient;
  viewer!: WebsdkClient;
  readonly #launch: () => Promise<LaunchedBrowser>;
  #browser: WebsdkBrowser | undefined;
  #running: WebsdkServer | undefined;

  private constructor(launch: () => Promise<LaunchedBrowser>) {
    this.#launch = launch;
  }

  get browser(): WebsdkBrowser {
    if (this.#browser === undefined) throw new TypeError('used outside of a test');
    return this.#browser;
  }

  get running(): WebsdkServer {
    if (this.#running === undefined) throw new TypeError('used outside of a test');
    return this.#running;
  }

  /** Hangs it into the `describe` that it is called in: nothing is left over after each test, and after all. */
  static use(launch: () => Promise<LaunchedBrowser> = launchChromiumPeer): WebsdkPair {
    const pair = new WebsdkPair(launch);
    before(() => pair.#start());
    beforeEach(() => pair.#connect());
    afterEach(() => pair.#close());
    after(() => pair.#stop());
    return pair;
  }

  /** Publishes as `out`, and waits until it runs. */
  async publish(name: string, options: object = {}): Promise<void> {
    await this.publisher.publish('out', { name, ...options });
    await this.publisher.waitFor('out', has('PUBLISHING'));
  }

  async #start(): Promise<void> {
    this.#running = await WebsdkServer.start();
    this.#browser = await WebsdkBrowser.start(this.#launch);
  }

  async #connect(): Promise<void> {
    this.publisher = await this.browser.connect(this.running.port);
    this.viewer = await this.browser.connect(this.running.port);
  }

  async #close(): Promise<void> {
    assert.deepEqual([...this.publisher.errors, ...this.viewer.errors], []);
    await this.publisher.close();
    await this.viewer.close();
    const { streams, sessions } = this.running.server.core;
    await waitFor('streams to end', () => streams.count === 0 && sessions.count() === 0, 20);
  }

  async #stop(): Promise<void> {
    await this.#browser?.stop();
    await this.#running?.stop();
    assert.equal(this.#running?.server.core.scope.openScopes, 0);
  }
}
