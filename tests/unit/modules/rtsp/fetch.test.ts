import assert from 'node:assert/strict';
import { noCredentials, refuse, showsPassword } from '../../../../core/access/access-control.ts';
import { anyCodec } from '../../../../core/media/codec-target.ts';
import { silentLog } from '../../../../core/observe/log.ts';
import { createServer, type Server } from '../../../../core/server.ts';
import type { Subscription } from '../../../../core/streams/subscription.ts';
import { rtpModule } from '../../../../modules/rtp/index.ts';
import { RtspAgents } from '../../../../modules/rtsp/contract.ts';
import { rtspModule } from '../../../../modules/rtsp/index.ts';
import { type NumberedSource, publishNumbered, readNumber } from '../../../conformance/numbered-media.ts';
import { eventually } from '../../../conformance/suite.ts';

const modules = [rtpModule, rtspModule];

async function startServer(rtsp: Record<string, unknown>): Promise<Server> {
  const config = {
    rtsp: { listen: { host: '127.0.0.1', port: 0 }, ...rtsp },
    streams: { drain: '500ms', sourceLinger: '100ms' },
  };
  const server = createServer({ modules, config, log: silentLog });
  await server.start();
  return server;
}

function portOf(server: Server): number {
  return Number(/:(\d+)\//.exec(server.urls()[0]?.url ?? '')?.[1]);
}

async function publish(
  server: Server,
  name: string,
): Promise<{ source: NumberedSource; leave: (code: 'done' | 'peer-left') => Promise<void> }> {
  const { session, source } = await publishNumbered(server.core, name);
  const leave = (code: 'done' | 'peer-left'): Promise<void> => session.scope.close({ code });
  return { source, leave };
}

async function subscribe(server: Server, name: string): Promise<Subscription> {
  const session = server.core.sessions.open({
    protocol: 'test',
    remoteAddress: '127.0.0.1',
    parent: server.core.scope,
  });
  const wishes = (['video', 'audio'] as const).map((kind) => ({ kind, accepts: anyCodec(kind) }));
  return server.core.streams.subscribe({ name, session, credentials: noCredentials, wishes });
}

/** Numbers of the pictures that are there now. */
function pictures(subscription: Subscription, into: number[]): number[] {
  for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) {
    const last = next.unit.parts.at(-1);
    if (next.track.kind === 'video' && last !== undefined) into.push(readNumber(last));
  }
  return into;
}

describe('modules/rtsp client', () => {
  let camera: Server;
  let server: Server | undefined;

  beforeEach(async () => {
    camera = await startServer({});
  });

  afterEach(async () => {
    await server?.stop();
    await camera.stop();
    server = undefined;
  });

  for (const transport of ['tcp', 'udp'] as const) {
    it(`fetches a configured stream over ${transport} when somebody wants it`, async () => {
      const { source } = await publish(camera, 'cam');
      source.write(30);
      const url = `rtsp://127.0.0.1:${portOf(camera)}/cam`;
      server = await startServer({ pull: [{ name: 'here', url, transport }] });
      const subscription = await subscribe(server, 'here');
      source.write(30);
      const got: number[] = [];
      await eventually('all pictures', () => pictures(subscription, got).at(-1) === 59);
      assert.deepEqual(
        got,
        Array.from({ length: 35 }, (_, index) => 25 + index),
      );
      assert.equal(server.core.services.get(RtspAgents).list()[0]?.state, 'running');
    });
  }

  it('proves its password by digest', async () => {
    const scope = camera.core.scope.child('policy');
    camera.core.access.add(
      {
        name: 'password',
        decide: ({ action, credentials }) =>
          action !== 'play' || (credentials.user === 'anna' && showsPassword(credentials, 'pässwort'))
            ? { allowed: true }
            : refuse('who are you?', true),
      },
      scope,
    );
    const { source } = await publish(camera, 'cam');
    source.write(3);
    const url = `rtsp://anna:${encodeURIComponent('pässwort')}@127.0.0.1:${portOf(camera)}/cam`;
    server = await startServer({
      pull: [
        { name: 'here', url },
        { name: 'wrong', url: url.replace('anna:', 'anna:x') },
      ],
    });
    await subscribe(server, 'here');
    await assert.rejects(subscribe(server, 'wrong'), /401 Unauthorized/);
    assert.match(server.core.services.get(RtspAgents).list()[1]?.lastError ?? '', /401/);
  });

  it('keeps viewers while the camera is gone, and goes on when it is back', async function () {
    this.timeout(15_000);
    const first = await publish(camera, 'cam');
    first.source.write(3);
    const url = `rtsp://127.0.0.1:${portOf(camera)}/cam`;
    server = await startServer({
      pull: [{ name: 'here', url }],
      client: { retryFirst: '100ms', retryLongest: '300ms' },
    });
    const subscription = await subscribe(server, 'here');
    const got: number[] = [];
    await eventually('the first pictures', () => pictures(subscription, got).length === 3);
    await first.leave('done');
    await eventually('interrupted', () => server?.core.streams.find('here')?.state === 'interrupted');
    const again = await publish(camera, 'cam');
    again.source.write(3);
    await eventually('new pictures', () => pictures(subscription, got).length >= 6);
    assert.equal(subscription.scope.closed, false);
  });

  it('fetches names that are URIs of allowed hosts, and no others', async () => {
    const { source } = await publish(camera, 'cam');
    source.write(3);
    const uri = `rtsp://127.0.0.1:${portOf(camera)}/cam`;
    server = await startServer({ client: { hosts: ['127.0.0.1'] } });
    await subscribe(server, uri);
    await assert.rejects(subscribe(server, 'rtsp://169.254.169.254/latest'), /There is no stream named/);
    const agents = server.core.services.get(RtspAgents);
    assert.throws(() => agents.start({ uri: 'rtsp://10.0.0.1/x', stream: 'x' }), /Access refused/);
  });

  it('fetches from now on when it is told to, and ends when it is told to', async () => {
    const { source } = await publish(camera, 'cam');
    source.write(3);
    server = await startServer({ client: { hosts: ['127.0.0.1'] } });
    const agents = server.core.services.get(RtspAgents);
    const { id } = agents.start({ uri: `rtsp://u:secret@127.0.0.1:${portOf(camera)}/cam`, stream: 'here' });
    await eventually('the stream', () => server?.core.streams.find('here')?.state === 'live');
    assert.ok(!JSON.stringify(agents.list()).includes('secret'));
    assert.equal(agents.end(id), true);
    assert.equal(agents.end(id), false);
    await eventually('gone', () => server?.core.streams.find('here') === undefined);
  });
});
