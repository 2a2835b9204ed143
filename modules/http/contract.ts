import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
// Lets schemas carry `summary` and `tags`.
import type {} from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { AdvertisedUrl } from '../../core/modules/module.ts';
import { service } from '../../core/modules/service.ts';

/** How other modules hang routes and upgrades on HTTP and HTTPS. Hang them in `configure`: they are served from the start on. */
export const HttpRoutes = service<HttpRoutes>('http-routes');

export interface HttpRoutes {
  /**
   * Serves everything at and below `prefix` (`/rest-api/push`; no slash at the end) by an application of its own until
   * `scope` closes. The longest prefix wins. Throws TypeError when the prefix is taken.
   */
  mount(prefix: string, scope: Scope, options: RouteOptions, build: RouteBuilder): void;
  /** Takes over the sockets of WebSocket handshakes at exactly `path` until `scope` closes. */
  upgrade(path: string, scope: Scope, handle: UpgradeHandler): void;
}

export interface RouteOptions {
  /**
   * `administration`: from this host, or with the administrator's credential. `public`: for everybody; the builder guards
   * what needs it. Requests that change something are checked for their origin in both.
   */
  readonly access: 'administration' | 'public';
  /** Whether answers may take longer than `http.limits.response`: downloads and event streams. */
  readonly longAnswers?: boolean;
  /**
   * Sites whose pages may use these routes, in place of `http.administration.origins`; `*` is every site. For routes where no
   * cookie admits anybody.
   */
  readonly origins?: readonly string[];
  /** What people can be told to use here; `path` with NAME, such as `/whip/NAME`. */
  readonly advertises?: Pick<AdvertisedUrl, 'protocol' | 'direction'> & { readonly path: string };
}

/**
 * Adds routes, with paths below the prefix. Schemas are TypeBox or JSON Schema; what stands in them becomes the page at
 * `/docs`. Called at the first request below the prefix, so that a server that nobody asks starts fast. An error of the
 * catalogue that a handler throws is answered with its sentence and a fitting status.
 */
export type RouteBuilder = (app: FastifyInstance) => void | Promise<void>;

/** `head` is what came behind the handshake. The handler owns the socket from now on. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
