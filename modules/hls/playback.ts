import { createHash } from 'node:crypto';
import type { Credentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import { ladderOf, type Rung } from '../../core/renditions/ladder.ts';
import { cmafVariant } from './cmaf.ts';
import type { Exchange, RequestKind } from './exchange.ts';
import { renderMultivariant } from './multivariant.ts';
import type { Muxer } from './muxer.ts';
import type { Muxers } from './muxers.ts';
import type { Variant } from './packager.ts';
import { PlaylistText } from './playlist-text.ts';
import { findViewerId, passedOn, readDirectives, readPath, splitTarget, viewerCookie, viewerKey } from './request.ts';
import { tsVariant } from './ts.ts';
import type { Viewer, Viewers } from './viewers.ts';
import type { WaitResult } from './waiting.ts';
import { SegmentFile, type ServedFile } from './window.ts';

export const variants: readonly Variant[] = [cmafVariant, tsVariant];

export interface PlaybackDependencies {
  readonly core: Core;
  readonly muxers: Muxers;
  readonly viewers: Viewers;
}

interface Request {
  readonly exchange: Exchange;
  readonly name: string;
  readonly query: URLSearchParams;
}

/** Answers requests: a playlist admits the viewer and keeps its muxer running; files are for those who know their names. */
export class Playback {
  readonly #core: Core;
  readonly #muxers: Muxers;
  readonly #viewers: Viewers;

  constructor(dependencies: PlaybackDependencies) {
    this.#core = dependencies.core;
    this.#muxers = dependencies.muxers;
    this.#viewers = dependencies.viewers;
  }

  answer(exchange: Exchange): void {
    const { method, headers, url } = exchange.request;
    if (method === 'OPTIONS') return exchange.sendOptions();
    if (method !== 'GET' && method !== 'HEAD') {
      return exchange.sendFault(405, 'Only GET, HEAD and OPTIONS are answered here.', { allow: 'GET, HEAD, OPTIONS' });
    }
    if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0) {
      return exchange.sendFault(413, 'A request for media has no body.', exchange.closing);
    }
    const target = splitTarget(url ?? '');
    if (target === undefined) return exchange.sendFault(414, 'The query is too long.');
    const resource = readPath(target.path);
    if (resource === 400) return exchange.sendFault(400, 'The path cannot be read.');
    if (resource === 404) return exchange.sendFault(404, 'There is nothing of that name.');
    this.#route({ exchange, name: resource.name, query: target.query }, resource.file);
  }

  #route(request: Request, file: string): void {
    const { name } = request;
    const variant = variants.find((one) => one.playlist === file);
    if (variant !== undefined) this.#run(request, 'media', variant);
    else if (file === 'index.m3u8' || file === `${name}.m3u8`) this.#run(request, 'multivariant', cmafVariant);
    else if (file === `${name}-ts.m3u8`) this.#run(request, 'media', tsVariant);
    else this.#sendFile(request, file);
  }

  #run(request: Request, kind: RequestKind, variant: Variant): void {
    request.exchange.kind = kind;
    this.#sendPlaylist(request, kind, variant).catch((error: unknown) => sendError(request.exchange, error));
  }

  async #sendPlaylist(request: Request, kind: RequestKind, variant: Variant): Promise<void> {
    const { exchange, name, query } = request;
    const directives = readDirectives(query);
    if (directives === 400) return exchange.sendFault(400, 'The delivery directives cannot be read.');
    // Before anything is opened: who asks for what is not there leaves nothing behind.
    if (!this.#muxers.isWithinReach(name, variant)) throw new SwitchyardError('stream-not-found', { stream: name });
    const viewer = await this.#admit(request, kind);
    if (viewer === undefined) return;
    viewer.active += 1;
    exchange.response.on('close', () => {
      viewer.active -= 1;
      viewer.lastSeen = this.#core.clock.now();
    });
    const muxer = await this.#viewers.hold(viewer, this.#muxers.slotFor(name, variant));
    if (kind === 'multivariant') {
      this.#when(
        exchange,
        muxer,
        () => muxer.isDescribable,
        () => this.#sendMultivariant(request, muxer, viewer),
      );
      return;
    }
    const { point, skip } = directives;
    if (point !== undefined && muxer.isTooFar(point)) {
      return exchange.sendFault(400, 'That segment is too far in the future.');
    }
    const isReady = (): boolean => muxer.isPlayable && (point === undefined || muxer.has(point));
    this.#when(exchange, muxer, isReady, () => exchange.sendPlaylist(muxer.playlist(skip), 'no-cache'));
  }

  #sendMultivariant({ exchange, name, query }: Request, muxer: Muxer, viewer: Viewer): void {
    const child = passedOn(query);
    child.set(viewerKey, viewer.id);
    const text = new PlaylistText();
    text.replace(0, renderMultivariant(muxer, child, this.#rungsOf(name)));
    exchange.sendPlaylist(text, 'no-store');
  }

  #rungsOf(name: string): readonly Rung[] {
    const { streams } = this.#core;
    const source = streams.find(name)?.findTrack('video')?.codec;
    return source?.kind === 'video' ? ladderOf(name, source, streams.renditions.profiles) : [];
  }

  /** The viewer; undefined when it was refused and has been told. */
  async #admit({ exchange, name, query }: Request, kind: RequestKind): Promise<Viewer | undefined> {
    const shown = findViewerId(query, exchange.header('cookie'));
    const agent = exchange.header('user-agent') ?? '';
    const { address } = exchange;
    const admitted = await this.#viewers.admit({
      stream: name,
      address,
      agent,
      // Who begins with a media playlist and keeps no cookies is known by its traits.
      id: shown ?? (kind === 'media' ? traitsOf(address, agent, passedOn(query)) : undefined),
      credentials: readCredentials(query, exchange.header('authorization')),
    });
    if ('allowed' in admitted) {
      const headers = { 'www-authenticate': 'Bearer realm="switchyard"' };
      exchange.sendFault(401, `Access refused: ${admitted.why}.`, headers);
      return undefined;
    }
    if (shown === undefined) exchange.cookie = cookieOf(admitted, exchange.secure);
    return admitted;
  }

  #sendFile({ exchange, name }: Request, file: string): void {
    for (const variant of variants) {
      const muxer = this.#muxers.find(name, variant)?.muxer;
      const found = muxer?.find(file);
      if (found !== undefined) return sendFound(exchange, found, variant);
      if (muxer?.isAnnounced(file) === true) {
        exchange.kind = 'part';
        const send = (): void => {
          const come = muxer.find(file);
          if (come !== undefined) sendFound(exchange, come, variant);
        };
        return this.#when(exchange, muxer, () => muxer.find(file) !== undefined, send);
      }
    }
    exchange.sendFault(404, 'There is nothing of that name.');
  }

  /** Sends once it is ready; says why not when it will not be. */
  #when(exchange: Exchange, muxer: Muxer, isReady: () => boolean, send: () => void): void {
    const cancel = muxer.wait(isReady, (result) => {
      if (result === 'ready') guard(exchange, send);
      else sendWaitFault(exchange, result);
    });
    if (!exchange.answered) exchange.response.on('close', cancel);
  }
}

function guard(exchange: Exchange, send: () => void): void {
  try {
    send();
  } catch (error) {
    sendError(exchange, error);
  }
}

function sendFound(exchange: Exchange, file: ServedFile, variant: Variant): void {
  const etag = `"${file.uri}"`;
  if (!(file instanceof SegmentFile)) {
    const isPart = 'duration' in file;
    exchange.kind = isPart ? 'part' : 'init';
    return exchange.sendFile(file.body, isPart ? variant.contentType : 'video/mp4', etag);
  }
  exchange.kind = 'segment';
  if (!file.finished) return exchange.sendFault(404, 'That segment is not finished yet.');
  exchange.sendFile(file.body, variant.contentType, etag);
}

function sendWaitFault(exchange: Exchange, result: Exclude<WaitResult, 'ready'>): void {
  switch (result) {
    case 'gone':
      return exchange.sendFault(404, 'The stream has ended.');
    case 'timeout':
      return exchange.sendFault(503, 'What was asked for did not come in time.', { 'retry-after': '1' });
    case 'too-many':
      return exchange.sendFault(503, 'Too many requests wait already.', { 'retry-after': '1' });
  }
}

function sendError(exchange: Exchange, error: unknown): void {
  const status = statusOf(error);
  // Whatever is not ours to tell stays inside.
  const sentence = error instanceof SwitchyardError ? describeError(error) : 'The server has failed.';
  exchange.sendFault(status, sentence, status === 503 ? { 'retry-after': '1' } : {});
}

function statusOf(error: unknown): number {
  if (!(error instanceof SwitchyardError)) return 500;
  switch (error.code) {
    case 'stream-not-found':
    case 'stream-name-invalid':
    case 'stream-ended':
      return 404;
    case 'access-refused':
      return 401;
    case 'codecs-do-not-match':
      return 406;
    default:
      return 503;
  }
}

/** What a player can show: `?token=`, `Authorization: Bearer` or `Basic`; policies read other keys from the query. */
export function readCredentials(query: URLSearchParams, authorization: string | undefined): Credentials {
  const token = query.get('token') ?? query.get('aclAuth') ?? undefined;
  const [scheme, value] = (authorization ?? '').split(' ', 2);
  if (scheme?.toLowerCase() === 'bearer' && value !== undefined) return { query, token: value };
  if (scheme?.toLowerCase() === 'basic' && value !== undefined) {
    const [user, ...rest] = Buffer.from(value, 'base64').toString('utf8').split(':');
    return { query, user: user ?? '', password: rest.join(':'), ...(token === undefined ? {} : { token }) };
  }
  return token === undefined ? { query } : { query, token };
}

function traitsOf(address: string, agent: string, query: URLSearchParams): string {
  return createHash('sha256').update(`${address}\n${agent}\n${query.toString()}`).digest('base64url').slice(0, 22);
}

function cookieOf(viewer: Viewer, secure: boolean): string {
  // Pages of other sites may embed the player; browsers then want both words.
  const site = secure ? 'Secure; SameSite=None' : 'SameSite=Lax';
  return `${viewerCookie}=${viewer.id}; Path=/${encodeURIComponent(viewer.stream)}/; HttpOnly; ${site}`;
}
