import { noCredentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { SwitchyardError } from '../../core/errors.ts';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { AccessUnit } from '../../core/media/access-unit.ts';
import { anyCodec, type CodecTarget } from '../../core/media/codec-target.ts';
import type { Publication, TrackWriter } from '../../core/streams/publication.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { Track } from '../../core/streams/track.ts';
import { micros } from '../../core/time/micros.ts';

/** What a transcoder is asked to make, in the words of the reference (d.2). */
export interface Encoder {
  readonly width?: number;
  readonly height?: number;
  /** Pictures from keyframe to keyframe. */
  readonly keyFrameInterval?: number;
  readonly fps?: number;
  /** kbit/s. */
  readonly bitrate?: number;
  /** Taken and shown; the picture is H.264, whoever makes it. */
  readonly type?: string;
}

export interface TranscoderRequest {
  /** `transcoder://t1`: a name of its own. */
  readonly uri: string;
  /** The stream to read. */
  readonly remoteStreamName: string;
  /** The stream to make. */
  readonly localStreamName: string;
  readonly encoder: Encoder;
}

/** One running transcoder: a stream made of another. */
export interface TranscodedStream extends TranscoderRequest {
  readonly localMediaSessionId: string;
  readonly scope: Scope;
  readonly status: 'PROCESSED_LOCAL';
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
}

/** Streams that were asked for over REST and run until they are told to end, or their source does. */
export class TranscodedStreams {
  readonly #maximum: number;
  readonly #core: Core;
  readonly #running = new Map<string, TranscodedStream | undefined>();

  constructor(settings: { maximum: number }, core: Core) {
    this.#maximum = settings.maximum;
    this.#core = core;
  }

  all(): readonly TranscodedStream[] {
    return [...this.#running.values()].filter((stream) => stream !== undefined);
  }

  has(uri: string): boolean {
    return this.#running.has(uri);
  }

  /** Throws what `subscribe` and `publish` throw, and `limit-reached`. */
  async start(request: TranscoderRequest): Promise<TranscodedStream> {
    if (this.#running.size >= this.#maximum) {
      throw new SwitchyardError('limit-reached', { what: 'transcoders', limit: this.#maximum });
    }
    this.#running.set(request.uri, undefined);
    const scope = this.#core.scope.child(`transcoder ${request.uri}`);
    scope.defer(() => {
      this.#running.delete(request.uri);
    });
    try {
      return await this.#run(request, scope);
    } catch (error) {
      await scope.close({ code: 'failed', error });
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.all().map(({ scope }) => scope.close({ code: 'shutdown' })));
  }

  async #run(request: TranscoderRequest, scope: Scope): Promise<TranscodedStream> {
    const { sessions, streams } = this.#core;
    const session = sessions.open({ protocol: 'transcoder', remoteAddress: 'local', parent: scope });
    const common = { session, credentials: noCredentials };
    const subscription = await streams.subscribe({
      ...common,
      name: request.remoteStreamName,
      wishes: [
        { kind: 'video', accepts: [targetOf(request.encoder)] },
        { kind: 'audio', accepts: anyCodec('audio') },
      ],
    });
    const kinds = subscription.tracks.map((track) => track.kind);
    const publication = await streams.publish({
      ...common,
      name: request.localStreamName,
      onConflict: 'refuse',
      expects: kinds,
      requestKeyframe: () => subscription.stream.requestKeyframe(),
    });
    publication.scope.defer((reason) => scope.close(reason));
    void relay(subscription, publication).then((reason) => scope.close(reason));
    const running: TranscodedStream = {
      ...request,
      localMediaSessionId: session.id,
      scope,
      status: 'PROCESSED_LOCAL',
      hasAudio: kinds.includes('audio'),
      hasVideo: kinds.includes('video'),
    };
    this.#running.set(request.uri, running);
    return running;
  }
}

function targetOf({ width, height, keyFrameInterval, fps, bitrate }: Encoder): CodecTarget {
  return {
    codec: 'h264',
    noBFrames: true,
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(keyFrameInterval === undefined ? {} : { keyframeInterval: keyFrameInterval }),
    ...(fps === undefined ? {} : { frameRate: fps }),
    ...(bitrate === undefined ? {} : { bitrate: bitrate * 1_000 }),
  };
}

/** Passes every unit on, the first at time 0. Resolves with the reason when there are no more. */
async function relay(subscription: Subscription, publication: Publication): Promise<CloseReason> {
  const writers = new Map<Track, TrackWriter>();
  let beginning: number | undefined;
  for await (const { unit, track } of subscription) {
    beginning ??= unit.dts;
    const dts = micros(unit.dts - beginning);
    if (dts < 0) continue;
    let writer = writers.get(track);
    if (writer === undefined) {
      writer = publication.addTrack(unit.codec);
      writers.set(track, writer);
    }
    const { codec, keyframe, parts, capturedAt } = unit;
    writer.write(new AccessUnit({ codec, keyframe, parts, capturedAt, dts, pts: micros(unit.pts - beginning) }));
  }
  return subscription.endReason ?? { code: 'done' };
}
