import type { FastifyInstance, RouteOptions } from 'fastify';

interface DescribedSchema {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly body?: unknown;
  readonly querystring?: { readonly properties?: Record<string, unknown>; readonly required?: readonly string[] };
  readonly response?: Readonly<Record<string, unknown>>;
}

interface Described {
  readonly method: string;
  readonly path: string;
  readonly schema: DescribedSchema;
}

/** Collects the routes of all applications that have a summary, and writes them as one OpenAPI document. */
export class InterfaceDescription {
  readonly #routes = new Map<string, readonly Described[]>();

  /** Hears of the routes below one prefix; a new application of the same prefix replaces those of the one before. */
  collect(prefix: string): (route: RouteOptions) => void {
    const routes: Described[] = [];
    this.#routes.set(prefix, routes);
    return ({ method, url, schema }) => {
      const described = schema as DescribedSchema | undefined;
      if (described?.summary === undefined) return;
      for (const each of [method].flat()) {
        if (each !== 'HEAD') routes.push({ method: each.toLowerCase(), path: url, schema: described });
      }
    };
  }

  forget(prefix: string): void {
    this.#routes.delete(prefix);
  }

  /** OpenAPI 3.1, whose schemas are JSON Schema as it stands. */
  document(version: string): Record<string, unknown> {
    const paths: Record<string, Record<string, unknown>> = {};
    for (const { method, path, schema } of [...this.#routes.values()].flat()) {
      const operations = (paths[path.replace(/:(\w+)/g, '{$1}')] ??= {});
      operations[method] = operationOf(schema);
    }
    return {
      openapi: '3.1.0',
      info: { title: 'Switchyard', version, description: 'The REST interface of the media server.' },
      paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
      components: {
        securitySchemes: { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } },
      },
      security: [{ basic: [] }, { bearer: [] }, {}],
    };
  }
}

function operationOf(schema: DescribedSchema): Record<string, unknown> {
  const { querystring, body } = schema;
  const required = querystring?.required ?? [];
  const parameters = Object.entries(querystring?.properties ?? {}).map(([name, inner]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: inner,
  }));
  const answers = Object.entries(schema.response ?? { 200: undefined }).map(([status, inner]) => [
    status,
    {
      description: Number(status) < 400 ? 'Done' : 'Refused',
      ...(inner === undefined ? {} : { content: { 'application/json': { schema: plain(inner) } } }),
    },
  ]);
  return {
    ...(schema.summary === undefined ? {} : { summary: schema.summary }),
    ...(schema.tags === undefined ? {} : { tags: schema.tags }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { content: { 'application/json': { schema: plain(body) } } } }),
    responses: Object.fromEntries(answers),
  };
}

/** `$id` names schemas among themselves in JSON Schema; in one document its repetition would be an error. */
function plain(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema, (key, value: unknown) => (key === '$id' ? undefined : value)));
}

/** The page of the interface and its document. */
export async function addDocumentation(
  app: FastifyInstance,
  document: () => Promise<Record<string, unknown>>,
): Promise<void> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ]);
  // The document is ours, since it joins several applications; the plugins only show it.
  await app.register(swagger, { mode: 'static', specification: { document: (await document()) as never } });
  // Its page names its parts relative to a folder.
  app.addHook('onRequest', async (request, reply) => {
    if (request.raw.url === '/docs') return reply.redirect('/docs/');
  });
  await app.register(swaggerUi, {
    routePrefix: '/',
    staticCSP: false,
    uiConfig: { docExpansion: 'list', deepLinking: true },
    // It sets no headers of its own that would loosen ours, except where its page needs them.
    uiHooks: {
      onRequest: (_request, reply, next) => {
        reply.header(
          'content-security-policy',
          "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
        );
        next();
      },
    },
  });
}
