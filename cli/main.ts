import { resolve } from 'node:path';
import { readSources, watchConfigFile } from '../core/config/config-file.ts';
import { type ConfigSources, readConfiguration, readModuleReferences } from '../core/config/configuration.ts';
import { describeError, isError } from '../core/errors.ts';
import { addressed, hostAddresses, urlTable } from '../core/modules/addresses.ts';
import type { Module } from '../core/modules/module.ts';
import { importModules } from '../core/modules/third-party.ts';
import { type AdjustableLog, openLog, standardOutput } from '../core/observe/pino-log.ts';
import { createServer, type Server } from '../core/server.ts';
import { sectionPlans } from '../core/server-settings.ts';
import { type Options, parseOptions } from './options.ts';

/** As in BSD's sysexits.h. */
export const exitCodes = { unavailable: 69, software: 70, config: 78 } as const;

export interface Product {
  readonly modules: readonly Module[];
  readonly version: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Reading {
  readonly sources: ConfigSources;
  readonly modules: readonly Module[];
}

/** The whole program, from the command line to the exit code. */
export async function run(argv: readonly string[], environment: Environment, product: Product): Promise<void> {
  const options = parseOptions(argv, product.version);
  const log = openLog({ level: 'info', format: 'auto' }, standardOutput());
  dieOfTheUnexpected(log);
  try {
    const read = (): Promise<Reading> => readAll(options, environment, product);
    if (options.checkConfig) await check(read);
    else await serve(read, options, environment, log, product);
  } catch (error) {
    log.flush();
    process.stderr.write(`${describeError(error)}\n`);
    process.exit(exitCodeFor(error));
  }
}

/** 78 for the configuration, 69 for a port that cannot be opened, else 70. */
export function exitCodeFor(error: unknown): number {
  if (isError(error, 'port-unavailable')) return exitCodes.unavailable;
  const configured = [
    'config-invalid',
    'config-unreadable',
    'module-not-found',
    'module-requires',
    'module-cycle',
  ] as const;
  return configured.some((code) => isError(error, code)) ? exitCodes.config : exitCodes.software;
}

function findConfigFile(options: Options, environment: Environment): string | undefined {
  const named = options.config ?? environment['SWITCHYARD_CONFIG'];
  return named === '' ? undefined : named;
}

async function readAll(options: Options, environment: Environment, product: Product): Promise<Reading> {
  const file = findConfigFile(options, environment);
  const settings = options.demo ? ['demo.enabled=true', ...options.set] : options.set;
  const sources = await readSources({ ...(file === undefined ? {} : { file }), settings, environment });
  const others = await importModules(readModuleReferences(sources), sources.surroundings.folder);
  return { sources, modules: [...product.modules, ...others] };
}

async function check(read: () => Promise<Reading>): Promise<void> {
  const { sources, modules } = await read();
  const { sections, disabled } = readConfiguration(sectionPlans(modules), sources);
  const running = modules.filter(({ name }) => sections.has(name)).map(({ name }) => name);
  process.stdout.write(
    `The configuration is valid. On: ${running.join(', ')}. Off: ${[...disabled].join(', ') || 'none'}.\n`,
  );
}

async function serve(
  read: () => Promise<Reading>,
  options: Options,
  environment: Environment,
  log: AdjustableLog,
  product: Product,
): Promise<void> {
  const { sources, modules } = await read();
  const dataFolder = resolve(sources.surroundings.folder, 'data');
  const server = createServer({ modules, sources, log, dataFolder, onPasswordMade: showPassword });
  stopOnSignals(server, log);
  await server.start();
  reloadOnDemand(server, read, findConfigFile(options, environment));
  announce(server, log, product, options);
}

/** Past the log: what is logged is kept, copied and mailed. */
function showPassword(user: string, password: string): void {
  process.stderr.write(
    `The administrator's password, shown this once: user ${user}, password ${password}\n` +
      'Administration from other hosts asks for it; remove the file administrator.hash to have a new one made.\n',
  );
}

function announce(server: Server, log: AdjustableLog, product: Product, options: Options): void {
  const addresses = hostAddresses();
  const name = options.demo ? 'demo' : 'NAME';
  const urls = server.urls().map((entry) => {
    return entry.direction === 'play' ? { ...entry, url: entry.url.replaceAll('NAME', name) } : entry;
  });
  const { modules } = server.inspect();
  log.info('The server runs.', {
    version: product.version,
    pid: process.pid,
    modules: modules.map(({ module }) => module),
    startMs: Math.round(process.uptime() * 1_000),
    urls: log.asText ? undefined : urls.map(({ url }) => addressed(url, addresses[0] ?? '')),
  });
  // Lines of JSON stay alone on standard output.
  log.flush();
  (log.asText ? process.stdout : process.stderr).write(urlTable(urls, addresses));
}

/** SIGHUP and a changed file. A file that cannot be applied leaves the server as it is; the log tells why. */
function reloadOnDemand(server: Server, read: () => Promise<Reading>, file: string | undefined): void {
  const reload = async (): Promise<void> => {
    const next = await read().catch((error: unknown) => server.tellNotApplied(error));
    // What is wrong is in the log already.
    if (next !== undefined) await server.reload(next.sources, next.modules).catch(() => undefined);
  };
  process.on('SIGHUP', () => void reload());
  const { clock, scope } = server.core;
  if (file !== undefined && server.settings.watch) watchConfigFile(file, { clock, scope }, () => void reload());
}

/** The first signal drains, the second cuts. */
function stopOnSignals(server: Server, log: AdjustableLog): void {
  let stopping = false;
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (stopping) {
      log.warn('A second signal: the server is cut.');
      log.flush();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    }
    stopping = true;
    log.info('The server stops.', { signal });
    void server.stop().then(() => {
      log.info('The server has stopped.');
      log.flush();
      process.exit(0);
    });
  };
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('SIGTERM', () => stop('SIGTERM'));
}

/** What nobody expected leaves a state that nobody knows: it is told, and the supervisor starts anew. */
function dieOfTheUnexpected(log: AdjustableLog): void {
  const die = (error: unknown): void => {
    log.error('An unexpected error ends the server.', { error });
    log.flush();
    process.exit(exitCodes.software);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
