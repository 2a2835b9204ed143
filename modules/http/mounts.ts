import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { HttpRoutes, RouteBuilder, RouteOptions, UpgradeHandler } from './contract.ts';

export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;

/** Makes the application of one mount. */
export type Build = (prefix: string, options: RouteOptions, build: RouteBuilder) => Promise<FastifyInstance>;

/** What serves a prefix: built at its first request, once. */
export class Mount {
  readonly prefix: string;
  readonly options: RouteOptions;
  readonly #build: () => Promise<FastifyInstance>;
  #app: Promise<FastifyInstance> | undefined;

  constructor(prefix: string, options: RouteOptions, build: () => Promise<FastifyInstance>) {
    this.prefix = prefix;
    this.options = options;
    this.#build = build;
  }

  obtain(): Promise<FastifyInstance> {
    if (this.#app === undefined) {
      this.#app = this.#build();
      this.#app.catch(() => {
        this.#app = undefined;
      });
    }
    return this.#app;
  }

  async close(): Promise<void> {
    const app = await this.#app;
    await app?.close();
  }
}

/** The table of everything that is served: by prefix, each entry as long as its owner lives. */
export class Mounts implements HttpRoutes {
  readonly #build: Build;
  readonly #onRemoved: (prefix: string) => void;
  readonly #mounts = new Map<string, Mount>();
  readonly #upgrades = new Map<string, UpgradeHandler>();

  constructor(build: Build, onRemoved: (prefix: string) => void = () => undefined) {
    this.#build = build;
    this.#onRemoved = onRemoved;
  }

  mount(prefix: string, scope: Scope, options: RouteOptions, build: RouteBuilder): void {
    if (!/^(\/[\w.~-]+)*$/.test(prefix)) throw new TypeError(`"${prefix}" is not a prefix such as /rest-api/push`);
    if (this.#mounts.has(prefix)) throw new TypeError(`the prefix "${prefix}" is mounted already`);
    const mount = new Mount(prefix, options, () => this.#build(prefix, options, build));
    this.#mounts.set(prefix, mount);
    scope.defer(() => {
      this.#mounts.delete(prefix);
      this.#onRemoved(prefix);
      return mount.close();
    });
  }

  upgrade(path: string, scope: Scope, handle: UpgradeHandler): void {
    if (this.#upgrades.has(path)) throw new TypeError(`the upgrade at "${path}" is mounted already`);
    this.#upgrades.set(path, handle);
    scope.defer(() => {
      this.#upgrades.delete(path);
    });
  }

  all(): readonly Mount[] {
    return [...this.#mounts.values()];
  }

  /** The mount with the longest prefix of the path, whole segments compared. */
  findFor(url: string): Mount | undefined {
    for (let path = pathOf(url); ; path = path.slice(0, path.lastIndexOf('/'))) {
      const mount = this.#mounts.get(path);
      if (mount !== undefined || path === '') return mount;
      if (!path.includes('/')) return this.#mounts.get('');
    }
  }

  /** Gives the socket to who waits for upgrades at the path; false when nobody does. */
  takeUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const handle = this.#upgrades.get(pathOf(request.url ?? ''));
    if (handle === undefined) return false;
    handle(request, socket, head);
    return true;
  }
}

function pathOf(url: string): string {
  const end = url.search(/[?#;]/);
  return (end === -1 ? url : url.slice(0, end)).replace(/\/+$/, '');
}
