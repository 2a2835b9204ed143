import { noCredentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { describeError } from '../../core/errors.ts';
import { StreamPublished } from '../../core/events/catalogue.ts';
import { type CloseReason, describeReason } from '../../core/lifecycle/close-reason.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Attempts } from '../../core/time/attempts.ts';
import { sleep } from '../../core/time/clock.ts';
import { dataMessage } from '../../wire/rtmp/command-messages.ts';
import { Batches } from './batches.ts';
import { playerWishes } from './capabilities.ts';
import type { RtmpClient } from './client.ts';
import { chunkStream } from './message-form.ts';
import { describeTracks } from './metadata.ts';
import { Playback } from './playback.ts';
import type { WritePacer } from './write-pacer.ts';

/** The protocol name of sessions that take a stream to another server. */
export const pushProtocol = 'rtmp-push';

export interface PushDependencies {
  readonly core: Core;
  readonly pacer: WritePacer;
  readonly attempts: Attempts;
  /** A connected client of the other server; it ends with the scope, and the scope with it. */
  readonly open: (scope: Scope) => Promise<RtmpClient>;
}

/**
 * A relay: whenever the stream is live, connects and publishes it at the other server; after a failure tries again, after a
 * growing pause. Runs until the scope ends.
 */
export async function runPush(
  settings: { stream: string; merge: Parameters<WritePacer['join']>[2] },
  dependencies: PushDependencies,
  scope: Scope,
): Promise<void> {
  const { core, attempts } = dependencies;
  while (!scope.closed) {
    attempts.wait();
    if (core.streams.find(settings.stream) === undefined) {
      await core.events.next(StreamPublished, scope, ({ stream }) => stream.name === settings.stream);
      if (scope.closed) return;
    }
    const attempt = scope.child(`push of ${settings.stream}`);
    const ended = new Promise<CloseReason>((resolve) => void attempt.defer(resolve));
    attempts.begin();
    try {
      await push(settings, dependencies, attempt);
      attempts.succeed();
      const reason = await ended;
      // The stream's end is no failure: the next one is waited for.
      if (reason.code === 'done') continue;
      attempts.fail(describeReason(reason));
    } catch (error) {
      attempts.fail(describeError(error));
      await attempt.close({ code: 'failed', error });
    }
    await sleep(scope, core.clock, attempts.pause);
  }
}

async function push(
  settings: { stream: string; merge: Parameters<WritePacer['join']>[2] },
  dependencies: PushDependencies,
  scope: Scope,
): Promise<void> {
  const { core, pacer, open } = dependencies;
  const client = await open(scope);
  const { connection } = client;
  await client.publish();
  const session = core.sessions.open({
    protocol: pushProtocol,
    remoteAddress: connection.remoteAddress,
    parent: scope,
    inspect: () => ({ bytesOut: connection.bytesOut, backlog: connection.backlog }),
  });
  session.scope.defer((reason) => void scope.close(reason));
  const subscription = await core.streams.subscribe({
    name: settings.stream,
    session,
    credentials: noCredentials,
    wishes: playerWishes(client.capabilities),
  });
  const codecs = subscription.tracks.map((track) => track.codec);
  const metadata = describeTracks(codecs, subscription.stream.publication?.metadata ?? {});
  const place = { streamId: client.streamId, csid: chunkStream.stream };
  connection.send(dataMessage(['@setDataFrame', 'onMetaData', metadata], place));
  scope.defer(() => client.leave());
  const playback = new Playback(subscription, {
    connection,
    streamId: client.streamId,
    onEnd: () => void scope.close({ code: 'done', detail: 'the stream ended' }),
  });
  pacer.join(subscription.stream, playback, settings.merge, scope);
  playback.flush(new Batches());
}
