import { randomBytes } from 'node:crypto';
import type { Credentials } from '../../core/access/access-control.ts';
import type { FailureLimit } from '../../core/access/failure-limit.ts';
import type { Core } from '../../core/core.ts';
import { isError } from '../../core/errors.ts';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import type { Session } from '../../core/sessions/session.ts';
import { type Micros, toSeconds } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import { formatResponse, type RtspHearer, type RtspRequest } from '../../wire/rtsp/message.ts';
import type { RtpPlane } from '../rtp/contract.ts';
import { credentialsOf, type RtspAddress, readAddress } from './address.ts';
import { Authentication } from './authentication.ts';
import type { RtspConfig } from './config.ts';
import type { RtspConnection } from './connection.ts';
import { readDescription, writeDescription } from './description.ts';
import type { RtspCounters } from './metrics.ts';
import type { MulticastGroups } from './multicast.ts';
import { PlaySession } from './play-session.ts';
import { RecordSession } from './record-session.ts';
import { publicMethods, Refusal, type Reply, reasons, replyFor } from './replies.ts';
import { type AgreedTransport, Routes } from './routes.ts';

export interface RtspSessionDependencies {
  readonly core: Core;
  readonly plane: RtpPlane;
  readonly connection: RtspConnection;
  readonly counters: RtspCounters;
  readonly multicast: MulticastGroups;
  /** Wrong passwords, by address. */
  readonly failures: FailureLimit;
}

/** Requests that may wait while one is being answered. */
const mostWaiting = 16;
/** Frames on channels that nobody set up: some are on their way when a session ends. */
const mostStray = 1_000;
const product = 'Switchyard';

/**
 * One peer of the server: OPTIONS → DESCRIBE → SETUP → PLAY, or ANNOUNCE → SETUP → RECORD, then TEARDOWN. Requests are
 * answered one after the other. The session is the connection's: nobody else can name it, and it ends with it.
 */
export class RtspSession implements RtspHearer {
  readonly connection: RtspConnection;
  readonly #config: RtspConfig;
  readonly #d: RtspSessionDependencies;
  readonly #id = randomBytes(16).toString('hex');
  readonly #authentication: Authentication;
  readonly #routes: Routes;
  readonly #openedAt: Micros;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #session: Session | undefined;
  #play: PlaySession | undefined;
  #record: RecordSession | undefined;
  /** SETUP has made a session that later requests name. */
  #established = false;
  #lastSign: Micros;
  #stray = 0;
  #descriptions = 0;

  constructor(config: RtspConfig, dependencies: RtspSessionDependencies) {
    this.#config = config;
    this.#d = dependencies;
    this.connection = dependencies.connection;
    this.#authentication = new Authentication(config.digest);
    this.#routes = new Routes(config, dependencies);
    this.#openedAt = dependencies.core.clock.now();
    this.#lastSign = this.#openedAt;
  }

  onRequest(request: RtspRequest): void {
    this.#d.counters.requests += 1;
    this.#waiting += 1;
    if (this.#waiting > mostWaiting) throw new WireError('too-large', 'rtsp', 'too many requests at one time');
    this.#turn = this.#turn.then(() => this.#answer(request));
  }

  onResponse(): void {
    // We ask nothing of clients.
  }

  onFrame(channel: number, bytes: Buffer): void {
    const found = this.#routes.findChannel(channel);
    if (found === undefined) {
      this.#d.counters.strayFrames += 1;
      this.#stray += 1;
      if (this.#stray > mostStray) throw new WireError('malformed', 'rtsp', 'frames on channels that were not set up');
      return;
    }
    const { kind, control } = found;
    if (this.#record?.ingest !== undefined) {
      if (control) this.#record.ingest.takeControl(kind, bytes);
      else this.#record.ingest.takePacket(kind, bytes);
    } else if (control) this.#play?.playback?.takeControl(kind, bytes);
  }

  /** Called about once a second. */
  checkLiveness(now: Micros): void {
    const { limits, publishIdle } = this.#config;
    const { connection } = this;
    if (this.#session === undefined) {
      if (now - this.#openedAt >= limits.handshake)
        this.#end({ code: 'timeout', detail: 'the peer asked for nothing' });
      return;
    }
    connection.checkProgress(now, limits.idle);
    const ingest = this.#record?.ingest;
    if (ingest !== undefined) {
      if (now - Math.max(ingest.lastMedia, this.#lastSign) >= publishIdle)
        this.#end({ code: 'timeout', detail: 'the publisher sent no media' });
      return;
    }
    // A player on the connection itself needs to say nothing: the connection shows that it lives.
    const flowing = this.#play?.state === 'playing' && this.#play.interleaved;
    if (!flowing && now - this.#lastSign >= limits.idle) this.#end({ code: 'timeout', detail: 'the peer was silent' });
  }

  inspect(): Record<string, unknown> {
    const { connection } = this;
    return {
      state: this.#record?.ingest !== undefined ? 'recording' : (this.#play?.state ?? 'idle'),
      stream: this.#record?.name ?? this.#play?.name ?? '',
      secure: connection.secure,
      bytesIn: connection.bytesIn,
      bytesOut: connection.bytesOut,
      backlog: connection.backlog,
      ...this.#record?.ingest?.inspect(),
      ...this.#play?.playback?.inspect(),
    };
  }

  async #answer(request: RtspRequest): Promise<void> {
    this.#waiting -= 1;
    if (this.connection.scope.closed) return;
    this.#lastSign = this.#d.core.clock.now();
    try {
      const reply = await this.#obey(request);
      this.#reply(request, reply);
      // Only then: clients take nothing else while they wait for the answer.
      if (request.method === 'PLAY') this.#play?.start();
      else if (request.method === 'RECORD') this.#record?.start();
    } catch (error) {
      this.#refuse(request, error);
    }
  }

  #obey(request: RtspRequest): Promise<Reply> | Reply {
    if (!/^[12]\.0$/.test(request.version)) throw new Refusal(505);
    const named = request.headers.get('session')?.split(';')[0]?.trim();
    if (named !== undefined && (named !== this.#id || !this.#established)) throw new Refusal(454);
    switch (request.method) {
      case 'OPTIONS':
        return { status: 200, fields: { Public: publicMethods } };
      case 'DESCRIBE':
        return this.#describe(request);
      case 'ANNOUNCE':
        return this.#announce(request);
      case 'SETUP':
        return this.#setUp(request);
      case 'PLAY':
      case 'PAUSE':
      case 'RECORD':
        if (named === undefined) throw new Refusal(454);
        return this.#control(request);
      case 'TEARDOWN':
        return this.#tearDown();
      case 'GET_PARAMETER':
        return { status: 200 }; // RFC 2326 10.8: without a body it asks whether we live
      case 'SET_PARAMETER':
        return { status: request.body.length === 0 ? 200 : 451 };
      default:
        return { status: 501, fields: { Allow: publicMethods, Public: publicMethods } };
    }
  }

  #control(request: RtspRequest): Reply {
    if (request.method === 'PLAY') return this.#startPlaying(request);
    return request.method === 'PAUSE' ? this.#pause() : this.#startRecording();
  }

  /** DESCRIBE: admitted → the stream is there → its media. */
  async #describe(request: RtspRequest): Promise<Reply> {
    const address = readAddress(request.url);
    const accept = request.headers.get('accept');
    if (accept !== undefined && !/application\/sdp|\*\/\*|application\/\*/i.test(accept)) throw new Refusal(406);
    if (this.#established) throw new Refusal(455);
    const play = await this.#openPlay(request, address);
    this.#descriptions += 1;
    const { localAddress } = this.connection;
    const id = Math.floor(toSeconds(this.#d.core.clock.wallNow())) + this.#descriptions;
    const text = writeDescription(play.media, { name: play.name, address: localAddress, id });
    return {
      status: 200,
      fields: { 'Content-Type': 'application/sdp', 'Content-Base': `${address.base}/${address.search}` },
      body: Buffer.from(text),
    };
  }

  /** ANNOUNCE: what will come, and whether it may. */
  async #announce(request: RtspRequest): Promise<Reply> {
    if (this.#established || this.#record !== undefined) throw new Refusal(455);
    if (!/^application\/sdp/i.test(request.headers.get('content-type') ?? 'application/sdp')) throw new Refusal(415);
    const address = readAddress(request.url);
    const description = readDescription(request.body.toString());
    const session = await this.#admit(request, address);
    const credentials = this.#credentials(request, address);
    await this.#closePlay();
    const { core, plane, counters } = this.#d;
    const record = await RecordSession.open(
      {
        name: address.name ?? '',
        credentials,
        description,
        onConflict: this.#config.onConflict,
        anySource: this.#config.transports.anyDestination,
      },
      { core, plane, session },
    );
    this.#record = record;
    counters.publishers += 1;
    record.scope.defer((reason) => {
      counters.publishers -= 1;
      this.#ended(reason);
    });
    return { status: 200 };
  }

  /** SETUP: a way for one medium. The first makes the session. */
  async #setUp(request: RtspRequest): Promise<Reply> {
    const address = readAddress(request.url);
    const header = request.headers.get('transport');
    if (header === undefined) throw new Refusal(461);
    const record = this.#record;
    if (record !== undefined) {
      if (record.ingest !== undefined) throw new Refusal(455);
      const index = record.findMedium(request.url);
      const kind = index === undefined ? undefined : record.media[index]?.medium.kind;
      if (index === undefined || kind === undefined) throw new Refusal(404);
      const agreed = await this.#routes.agree(header, { kind, mode: 'record', parent: record.scope });
      record.setUp(index, agreed.route, agreed.scope);
      return this.#setUpReply(agreed);
    }
    if (this.#play !== undefined && this.#play.state !== 'described' && this.#play.state !== 'ready')
      throw new Refusal(455);
    const play = this.#play ?? (await this.#openPlay(request, address));
    const medium = play.findMedium(address.track ?? 0);
    if (medium === undefined) throw new Refusal(404);
    const agreed = await this.#routes.agree(header, { kind: medium.kind, mode: 'play', play, parent: play.scope });
    play.setUp(medium.track, agreed.route, agreed.scope);
    return this.#setUpReply(agreed);
  }

  #setUpReply(agreed: AgreedTransport): Reply {
    this.#established = true;
    return { status: 200, fields: { Transport: agreed.header } };
  }

  /** PLAY: where each medium begins, then media. RFC 2326 10.5, 12.33. */
  #startPlaying(request: RtspRequest): Reply {
    const play = this.#play;
    if (play === undefined || play.ready.length === 0) throw new Refusal(455);
    if (play.state === 'playing') return { status: 200, fields: { Range: 'npt=now-' } };
    const { base, search } = readAddress(request.url);
    const starts = play.prepare();
    const info = play.ready.flatMap(({ kind, track }) => {
      const start = starts.find((one) => one.kind === kind);
      const numbers = start === undefined ? '' : `;seq=${start.sequence};rtptime=${start.timestamp}`;
      return numbers === '' ? [] : [`url=${base}/trackID=${track}${search}${numbers}`];
    });
    const fields = info.length === 0 ? {} : { 'RTP-Info': info.join(',') };
    return { status: 200, fields: { Range: 'npt=0.000-', ...fields } };
  }

  #pause(): Reply {
    // A publisher stops by itself; what is on its way is taken still. RFC 2326 10.6.
    if (this.#record?.ingest !== undefined) return { status: 200 };
    if (this.#play?.state !== 'playing' && this.#play?.state !== 'paused') throw new Refusal(455);
    this.#play.pause();
    return { status: 200 };
  }

  #startRecording(): Reply {
    if (this.#record === undefined || this.#record.routes.length === 0) throw new Refusal(455);
    return { status: 200 };
  }

  async #tearDown(): Promise<Reply> {
    this.#established = false;
    const [play, record] = [this.#play, this.#record];
    this.#play = undefined;
    this.#record = undefined;
    this.#routes.clear();
    await play?.scope.close({ code: 'done' });
    await record?.scope.close({ code: 'done' });
    return { status: 200 };
  }

  async #openPlay(request: RtspRequest, address: RtspAddress): Promise<PlaySession> {
    const session = await this.#admit(request, address);
    await this.#closePlay();
    const { core, plane, counters } = this.#d;
    const credentials = this.#credentials(request, address);
    const play = await PlaySession.open(
      { name: address.name ?? '', credentials, start: this.#config.start },
      {
        core,
        plane,
        session,
        onSign: () => {
          this.#lastSign = core.clock.now();
        },
      },
    );
    this.#play = play;
    counters.players += 1;
    play.scope.defer((reason) => {
      counters.players -= 1;
      if (this.#play === play) this.#ended(reason);
    });
    return play;
  }

  /** Our own doing: the connection stays. */
  async #closePlay(): Promise<void> {
    const play = this.#play;
    this.#play = undefined;
    await play?.scope.close({ code: 'done' });
  }

  /** What was played or recorded is over, for another reason than the peer's own word: RTSP 1.0 can only hang up. */
  #ended(reason: CloseReason): void {
    if (reason.code !== 'done' || this.#play !== undefined || this.#record !== undefined) this.#end(reason);
  }

  /** The session of this peer, once the policies let it in at all. */
  async #admit(request: RtspRequest, address: RtspAddress): Promise<Session> {
    if (address.name === undefined) throw new Refusal(404);
    const { core, failures } = this.#d;
    const { remoteAddress } = this.connection;
    if (failures.waitFor(remoteAddress) > 0) throw new Refusal(403, 'Too many wrong passwords came from this address.');
    const session = (this.#session ??= core.sessions.open({
      protocol: 'rtsp',
      remoteAddress,
      agent: request.headers.get('user-agent') ?? '',
      parent: this.connection.scope,
      inspect: () => this.inspect(),
    }));
    await core.access.admit({ action: 'connect', session, credentials: this.#credentials(request, address) });
    return session;
  }

  #credentials(request: RtspRequest, address: RtspAddress): Credentials {
    const shown = this.#authentication.read(request);
    const credentials = credentialsOf(address.query);
    return shown.kind === 'credentials' ? { ...credentials, ...shown.credentials } : credentials;
  }

  #reply(request: RtspRequest, reply: Reply): void {
    const { status, fields, body } = reply;
    if (status >= 400 && status !== 401) this.#d.counters.refusals += 1;
    const session = this.#established
      ? `${this.#id};timeout=${Math.floor(toSeconds(this.#config.limits.idle))}`
      : undefined;
    this.connection.send(
      formatResponse(
        {
          status,
          reason: reply.reason ?? reasons[status] ?? 'Unknown',
          version: request.version === '2.0' ? '2.0' : '1.0',
        },
        { CSeq: request.headers.get('cseq'), Server: product, Session: session, ...fields },
        body,
      ),
    );
  }

  #refuse(request: RtspRequest, error: unknown): void {
    const { core, counters, failures } = this.#d;
    if (isError(error, 'access-refused') && error.detail.challenge === true) {
      // Credentials that were shown and did not help count; the question that every client begins with does not.
      if (request.headers.has('authorization')) failures.noteFailure(this.connection.remoteAddress);
      counters.challenges += 1;
      this.#reply(request, { status: 401, fields: { 'WWW-Authenticate': this.#authentication.challenges() } });
      return;
    }
    const reply = replyFor(error);
    if (reply.status === 500) core.observe.log.error('An RTSP request failed.', { method: request.method, error });
    this.#reply(request, reply);
  }

  #end(reason: CloseReason): void {
    void this.connection.scope.close(reason);
  }
}
