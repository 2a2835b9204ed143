import type { Credentials } from '../../core/access/access-control.ts';
import { describeError, isError } from '../../core/errors.ts';
import { type CloseReason, describeReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Session } from '../../core/sessions/session.ts';
import type { TrackWish } from '../../core/streams/requests.ts';
import type { StreamRegistry } from '../../core/streams/stream-registry.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Micros } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import { dataMessage } from '../../wire/rtmp/command-messages.ts';
import { streamBegin, streamEof } from '../../wire/rtmp/control-messages.ts';
import type { OutgoingMessage, RtmpMessage } from '../../wire/rtmp/message.ts';
import { Batches } from './batches.ts';
import type { RtmpConnection } from './connection.ts';
import { Ingest } from './ingest.ts';
import { chunkStream } from './message-form.ts';
import { describeTracks } from './metadata.ts';
import type { RtmpCounters } from './metrics.ts';
import { Playback } from './playback.ts';
import { type Status, statusMessage } from './replies.ts';
import type { WritePacer } from './write-pacer.ts';

/** What somebody asked for, taken apart. */
export interface StreamRequest {
  readonly name: string;
  readonly credentials: Credentials;
}

export interface NetStreamSettings {
  readonly onConflict: 'refuse' | 'replace';
  readonly publishIdle: Micros;
  /** What a publisher may send. */
  readonly reading: { readonly messageBytes: number; readonly partialBytes: number };
}

export interface NetStreamDependencies {
  readonly session: Session;
  readonly connection: RtmpConnection;
  readonly streams: StreamRegistry;
  readonly clock: Clock;
  readonly counters: RtmpCounters;
  readonly pacer: WritePacer;
  /** AMF3 message types are what this peer expects. */
  readonly amf3: boolean;
}

/** Media messages without an admitted publish that are overlooked: some were on their way when a publish ended. */
const mostRefused = 256;

/** One message stream: idle, publishing or playing. RTMP 1.0 7.2.2. */
export class NetStream {
  readonly id: number;
  readonly #settings: NetStreamSettings;
  readonly #dependencies: NetStreamDependencies;
  /** The life of what it does at the moment. */
  #activity: Scope | undefined;
  #ingest: Ingest | undefined;
  #subscription: Subscription | undefined;
  #refused = 0;
  /** What was asked for, for the inspection tree. */
  name = '';

  constructor(id: number, settings: NetStreamSettings, dependencies: NetStreamDependencies) {
    this.id = id;
    this.#settings = settings;
    this.#dependencies = dependencies;
  }

  get state(): 'idle' | 'starting' | 'publishing' | 'playing' {
    if (this.#activity === undefined) return 'idle';
    if (this.#ingest !== undefined) return 'publishing';
    return this.#subscription === undefined ? 'starting' : 'playing';
  }

  /** publish → admitted → StreamBegin, NetStream.Publish.Start → media. */
  async publish(request: StreamRequest): Promise<void> {
    const { session, streams, clock, counters, connection } = this.#dependencies;
    const scope = this.#begin(request.name);
    try {
      const publication = await streams.publish({
        name: request.name,
        session,
        credentials: request.credentials,
        onConflict: this.#settings.onConflict,
        parent: scope,
      });
      this.#ingest = new Ingest(publication, { clock, counters });
      connection.allow(this.#settings.reading);
      counters.publishers += 1;
      publication.scope.defer((reason) => {
        counters.publishers -= 1;
        this.#publicationEnded(scope, reason);
      });
      connection.send(
        streamBegin(this.id),
        this.#status({ code: 'NetStream.Publish.Start', description: `${request.name} is now published.` }),
      );
    } catch (error) {
      await this.#refuse(scope, publishRefusal(error), error);
    }
  }

  /** play → the stream is there → StreamBegin, Reset, Start, metadata → media from the cached group of pictures on. */
  async play(request: StreamRequest, wishes: readonly TrackWish[], limit: Micros): Promise<void> {
    const { session, streams, counters, connection, pacer } = this.#dependencies;
    const scope = this.#begin(request.name);
    try {
      const subscription = await streams.subscribe({
        name: request.name,
        session,
        credentials: request.credentials,
        wishes,
        parent: scope,
      });
      this.#subscription = subscription;
      counters.playing.add(subscription);
      scope.defer((reason) => this.#subscriptionEnded(reason));
      connection.send(...this.#playAnswer(request.name, subscription));
      const playback = new Playback(subscription, {
        connection,
        streamId: this.id,
        onEnd: () => void scope.close(endOf(subscription)),
      });
      pacer.join(subscription.stream, playback, limit, scope);
      playback.flush(new Batches()); // what is cached goes out at once
    } catch (error) {
      await this.#refuse(scope, playRefusal(error), error);
    }
  }

  #playAnswer(name: string, subscription: Subscription): OutgoingMessage[] {
    const codecs = subscription.tracks.map((track) => track.codec);
    const metadata = describeTracks(codecs, subscription.stream.publication?.metadata ?? {});
    const data = { streamId: this.id, csid: chunkStream.stream, amf3: this.#dependencies.amf3 };
    return [
      streamBegin(this.id),
      this.#status({ code: 'NetStream.Play.Reset', description: `Playing and resetting ${name}.` }),
      this.#status({ code: 'NetStream.Play.Start', description: `Started playing ${name}.` }),
      dataMessage(['|RtmpSampleAccess', true, true], data),
      dataMessage(['onMetaData', metadata], data),
    ];
  }

  /** Media or metadata. Throws WireError when the peer sends too much where nothing was admitted. */
  takeMedia(message: RtmpMessage): void {
    if (this.#ingest !== undefined) {
      this.#ingest.take(message);
      return;
    }
    this.#dependencies.counters.mediaRefused += 1;
    this.#refused += 1;
    if (this.#refused > mostRefused) throw new WireError('malformed', 'rtmp', 'media without an admitted publish');
  }

  /** closeStream, deleteStream, FCUnpublish: the peer's goodbye. */
  async close(): Promise<void> {
    await this.#activity?.close({ code: 'done' });
  }

  /** A publisher that sends nothing blocks its name. */
  checkLiveness(now: Micros): void {
    if (this.#ingest === undefined || now - this.#ingest.lastMedia < this.#settings.publishIdle) return;
    void this.#dependencies.session.scope.close({ code: 'timeout', detail: 'the publisher sent no media' });
  }

  inspect(): Record<string, unknown> {
    return { id: this.id, state: this.state, stream: this.name, ...this.#subscription?.counters };
  }

  /** A stream that is used anew ends what it did before. */
  #begin(name: string): Scope {
    void this.close();
    const scope = this.#dependencies.session.scope.child(`message stream ${this.id}`);
    this.#activity = scope;
    this.name = name;
    scope.defer(() => {
      if (this.#activity !== scope) return;
      this.#activity = undefined;
      this.#ingest = undefined;
      this.#subscription = undefined;
    });
    return scope;
  }

  #publicationEnded(scope: Scope, reason: CloseReason): void {
    if (reason.code === 'done') {
      this.#dependencies.connection.sendLast(
        this.#status({ code: 'NetStream.Unpublish.Success', description: `${this.name} is no longer published.` }),
      );
    } else if (!isOwnEnd(reason)) {
      const description = `${this.name} has ended: ${describeReason(reason)}.`;
      this.#dependencies.connection.sendLast(
        this.#status({ code: 'NetStream.Publish.Failed', level: 'error', description }),
      );
    }
    void scope.close(reason);
  }

  /** Everybody hears why: RTMP's words for the end of what was watched. */
  #subscriptionEnded(reason: CloseReason): void {
    if (reason.code === 'done' || isOwnEnd(reason)) return;
    const description = `${this.name} has ended: ${describeReason(reason)}.`;
    this.#dependencies.connection.sendLast(
      streamEof(this.id),
      this.#status({ code: 'NetStream.Play.UnpublishNotify', description }),
      this.#status({ code: 'NetStream.Play.Stop', description }),
    );
  }

  async #refuse(scope: Scope, status: Status, error: unknown): Promise<void> {
    if (!scope.closed) this.#dependencies.connection.send(this.#status(status));
    await scope.close({ code: 'refused', error });
  }

  #status(status: Status): OutgoingMessage {
    return statusMessage(this.id, status, this.#dependencies.amf3);
  }
}

/** The peer itself is gone, or did wrong: no words are left. */
function isOwnEnd(reason: CloseReason): boolean {
  return reason.code === 'peer-left' || reason.code === 'protocol-violation' || reason.code === 'timeout';
}

/** Why a subscription gives nothing more. That its stream was closed in order is no goodbye of the player's. */
function endOf({ scope, stream }: Subscription): CloseReason {
  if (scope.reason !== undefined) return scope.reason;
  const why = stream.endReason;
  return { code: 'publisher-left', ...(why === undefined ? {} : { detail: describeReason(why) }) };
}

function publishRefusal(error: unknown): Status {
  const description = describeError(error);
  if (isError(error, 'stream-name-taken') || isError(error, 'stream-name-invalid')) {
    return { code: 'NetStream.Publish.BadName', level: 'error', description };
  }
  if (isError(error, 'access-refused')) return { code: 'NetStream.Publish.Denied', level: 'error', description };
  return { code: 'NetStream.Publish.Failed', level: 'error', description };
}

function playRefusal(error: unknown): Status {
  const description = describeError(error);
  const otherwise =
    isError(error, 'access-refused') || isError(error, 'codecs-do-not-match') || isError(error, 'budget-spent');
  return {
    code: otherwise || isError(error, 'transcoder-failed') ? 'NetStream.Play.Failed' : 'NetStream.Play.StreamNotFound',
    level: 'error',
    description,
  };
}
