import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { FastifyInstance } from 'fastify';
import { Administrator } from '../../core/access/admin-credential.ts';
import type { Core } from '../../core/core.ts';
import { describeError } from '../../core/errors.ts';
import type { AdvertisedUrl } from '../../core/modules/module.ts';
import { ServerControl } from '../../core/modules/server-control.ts';
import { cleanText } from '../../core/sessions/session-registry.ts';
import type { Cancel } from '../../core/time/clock.ts';
import { Certificates } from '../../core/tls/certificates.ts';
import { Administration } from './administration.ts';
import { makeApplication } from './application.ts';
import type { HttpConfig } from './config.ts';
import type { RouteBuilder, RouteOptions } from './contract.ts';
import { HttpError } from './errors.ts';
import { addHealth } from './health.ts';
import { HttpListener } from './listener.ts';
import { AnswerCounts, measureHttp } from './metrics.ts';
import { type AnyRequest, type AnyResponse, type Mount, Mounts } from './mounts.ts';
import { addDocumentation, InterfaceDescription } from './openapi.ts';
import { builtPageFolder } from './page-files.ts';
import { addPageRoutes } from './page-routes.ts';
import { listStreams, PublicStreams } from './public-streams.ts';
import { addConnectionRoutes } from './rest/connection.ts';
import { addStreamRoutes } from './rest/stream.ts';
import { answerStatistics, type StatisticsQuery } from './statistics/routes.ts';
import { StatisticsReader } from './statistics/statistics.ts';
import { MediaSessions, RateMeter } from './streams.ts';

const apiVersion = '1';

/** The ports, the table of what they serve, and what the module itself serves. */
export class HttpService {
  readonly mounts: Mounts;
  readonly #config: HttpConfig;
  readonly #core: Core;
  readonly #administration: Administration;
  readonly #description = new InterfaceDescription();
  readonly #media: MediaSessions;
  readonly #rates = new RateMeter();
  readonly #statistics: StatisticsReader;
  readonly #answers = new AnswerCounts();
  readonly #listeners: readonly HttpListener[];
  readonly #nodeId: string;
  #stopping = false;

  constructor(config: HttpConfig, core: Core) {
    this.#config = config;
    this.#core = core;
    this.#administration = new Administration(config.administration, {
      administrator: core.services.find(Administrator),
      clock: core.clock,
    });
    this.#media = new MediaSessions(core.streams);
    this.#statistics = new StatisticsReader(core, this.#media);
    // As WCS writes it: 32 characters, @ and the host.
    this.#nodeId = `${createHash('sha256').update(hostname()).digest('hex').slice(0, 32)}@${hostname()}`;
    this.mounts = new Mounts(
      (prefix, options, build) => this.#makeApplication(prefix, options, build),
      (prefix) => this.#description.forget(prefix),
    );
    this.#listeners = this.#makeListeners();
    this.#mountOwn();
    measureHttp(core, { listeners: this.#listeners, answers: this.#answers, administration: this.#administration });
  }

  async start(): Promise<void> {
    for (const listener of this.#listeners) {
      const key = listener.secure ? 'http.secure.port' : 'http.listen.port';
      const listen = listener.secure ? this.#config.secure : this.#config.listen;
      if (listener.secure) {
        await this.#core.services.get(Certificates).serve(this.#config.tls, listener.server as never, this.#core.scope);
      }
      await listener.start({ module: 'http', key, listen });
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#listeners.map((listener) => listener.stop(deadline)));
  }

  urls(): readonly AdvertisedUrl[] {
    return this.#listeners.flatMap(({ secure, port }): AdvertisedUrl[] => {
      if (port === undefined) return [];
      const root = `${secure ? 'https' : 'http'}://HOST:${port}`;
      const mounted = this.mounts.all().flatMap(({ options: { advertises } }): AdvertisedUrl[] => {
        if (advertises === undefined) return [];
        const { protocol, direction, path } = advertises;
        return [{ protocol, direction, url: `${root}${path}` }];
      });
      return [{ protocol: 'http', direction: 'open', url: `${root}/` }, ...mounted];
    });
  }

  inspect(): Record<string, unknown> {
    return {
      ports: this.#listeners.map(({ port, secure, connections }) => ({ port, secure, connections })),
      mounts: this.mounts.all().map(({ prefix }) => (prefix === '' ? '/' : prefix)),
    };
  }

  #makeListeners(): readonly HttpListener[] {
    const { listen, secure, tls, limits } = this.#config;
    const dependencies = {
      answer: (request: AnyRequest, response: AnyResponse) => this.#answer(request, response),
      takeUpgrade: this.mounts.takeUpgrade.bind(this.mounts),
      log: this.#core.observe.log,
    };
    const offers = secure.enabled && this.#core.services.find(Certificates)?.offers(tls) === true;
    const plain = listen.enabled ? [new HttpListener({ secure: false, limits }, dependencies)] : [];
    return offers ? [...plain, new HttpListener({ secure: true, limits }, dependencies)] : plain;
  }

  #makeApplication(prefix: string, options: RouteOptions, build: RouteBuilder): Promise<FastifyInstance> {
    const settings = {
      prefix,
      access: options.access,
      bodyLimit: this.#config.limits.body,
      origins: options.origins ?? this.#config.administration.origins,
    };
    const onRoute = this.#description.collect(prefix);
    const { clock, observe } = this.#core;
    return makeApplication(settings, { administration: this.#administration, clock, log: observe.log, onRoute }, build);
  }

  /** Every request comes by here. Waits for the application of its prefix, then hands it on. */
  #answer(request: AnyRequest, response: AnyResponse): void {
    const mount = this.mounts.findFor(request.url ?? '');
    const cancel = this.#boundAnswer(mount, request);
    response.once('close', () => {
      cancel();
      this.#answers.note(response.statusCode);
    });
    if (mount === undefined) {
      response.statusCode = 404;
      response.end();
      return;
    }
    mount.obtain().then(
      (app) => app.routing(request as never, response as never),
      (error: unknown) => {
        this.#core.observe.log.error('The routes of a prefix cannot be built.', {
          prefix: mount.prefix,
          error: describeError(error),
        });
        response.statusCode = 500;
        response.end();
      },
    );
  }

  /** Cuts who asks and does not read. */
  #boundAnswer(mount: Mount | undefined, request: AnyRequest): Cancel {
    if (mount?.options.longAnswers === true) return () => undefined;
    const { clock, observe } = this.#core;
    return clock.after(this.#config.limits.response, () => {
      observe.log.debug('A peer did not read its answer.', { path: cleanText(request.url ?? '') });
      if ('stream' in request) request.stream.close();
      else request.socket.destroy();
    });
  }

  #mountOwn(): void {
    const { scope, services } = this.#core;
    const control = services.find(ServerControl);
    this.mounts.mount('/health', scope, { access: 'public' }, (app) => addHealth(app, control, () => this.#stopping));
    this.mounts.mount('/rest-api/stream', scope, { access: 'administration' }, (app) =>
      addStreamRoutes(app, { sessions: this.#media, rates: this.#rates, nodeId: this.#nodeId }),
    );
    this.mounts.mount('/rest-api/connection', scope, { access: 'administration' }, (app) =>
      addConnectionRoutes(app, { sessions: this.#core.sessions, nodeId: this.#nodeId }),
    );
    this.mounts.mount('/api', scope, { access: 'public' }, (app) => this.#addPublic(app));
    this.mounts.mount('/docs', scope, { access: 'administration' }, (app) =>
      addDocumentation(app, () => this.#describeAll()),
    );
    this.mounts.mount('', scope, { access: 'public' }, (app) => this.#addRoot(app));
  }

  #addPublic(app: FastifyInstance): void {
    if (!this.#config.page.listStreams) return;
    app.get(
      '/streams',
      { schema: { tags: ['public'], summary: 'Live streams, for everybody', response: { 200: PublicStreams } } },
      (request) => listStreams(this.#core, this.#rates, request.headers),
    );
  }

  /** `/` is the statistics when asked by `action=stat` as in WCS, else the page. */
  async #addRoot(app: FastifyInstance): Promise<void> {
    const { page } = this.#config;
    const urls = () => this.#core.services.find(ServerControl)?.urls() ?? [];
    const sendPage = page.enabled
      ? await addPageRoutes(app, { folder: page.folder ?? builtPageFolder() }, urls)
      : undefined;
    app.get<{ Querystring: StatisticsQuery }>('/', async (request, reply) => {
      if (request.query.action === 'stat') {
        await this.#administration.admit({ headers: request.headers, address: request.ip });
        return answerStatistics(request.query, reply, {
          reader: this.#statistics,
          metrics: this.#core.observe.metrics,
        });
      }
      if (sendPage === undefined) throw new HttpError(404, 'There is no page here (http.page.enabled).');
      return sendPage(request, reply);
    });
  }

  /** Routes are known once their applications are built. */
  async #describeAll(): Promise<Record<string, unknown>> {
    const others = this.mounts.all().filter(({ prefix }) => prefix !== '/docs');
    await Promise.allSettled(others.map((mount) => mount.obtain()));
    return this.#description.document(apiVersion);
  }
}
