import { noCredentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { RtmpClient } from './client.ts';
import { Ingest } from './ingest.ts';
import type { RtmpCounters } from './metrics.ts';

/** The protocol name of sessions that bring a stream from another server. */
export const pullProtocol = 'rtmp-pull';

export interface FetchDependencies {
  readonly core: Core;
  readonly counters: RtmpCounters;
  /** A connected client of the other server; it ends with the scope, and the scope with it. */
  readonly open: (scope: Scope) => Promise<RtmpClient>;
}

/** connect → play → publish here → media. */
export async function fetchStream(streamName: string, dependencies: FetchDependencies, scope: Scope): Promise<void> {
  const { core, counters, open } = dependencies;
  const client = await open(scope);
  await client.play();
  const { connection } = client;
  const session = core.sessions.open({
    protocol: pullProtocol,
    remoteAddress: connection.remoteAddress,
    parent: scope,
    inspect: () => ({ bytesIn: connection.bytesIn }),
  });
  session.scope.defer((reason) => void scope.close(reason));
  const publication = await core.streams.publish({
    name: streamName,
    session,
    credentials: noCredentials,
    onConflict: 'refuse',
  });
  publication.scope.defer((reason) => void scope.close(reason));
  const ingest = new Ingest(publication, { clock: core.clock, counters });
  client.takeMedia((message) => ingest.take(message));
}
