import { noCredentials } from '../../core/access/access-control.ts';
import type { PortRange } from '../../core/config/schema.ts';
import type { Core } from '../../core/core.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import { every } from '../../core/time/clock.ts';
import { type Micros, millis } from '../../core/time/micros.ts';
import { WireError } from '../../wire/errors.ts';
import type { RtspResponse } from '../../wire/rtsp/message.ts';
import { readTransports } from '../../wire/rtsp/transport.ts';
import type { RtpPlane, RtpRoute } from '../rtp/contract.ts';
import { type RtspClient, RtspRefusal } from './client.ts';
import { type DescribedMedium, readDescription } from './description.ts';
import { RecordSession, usableMedia } from './record-session.ts';

/** The protocol name of sessions that bring a stream from another server. */
export const pullProtocol = 'rtsp-pull';

export interface FetchSettings {
  readonly stream: string;
  readonly transport: 'auto' | 'tcp' | 'udp';
  readonly ports: PortRange;
  /** The other server may send no media for so long. */
  readonly mediaTimeout: Micros;
}

export interface FetchDependencies {
  readonly core: Core;
  readonly plane: RtpPlane;
  readonly client: RtspClient;
  readonly scope: Scope;
}

/** Channels of the first medium; the second has the two behind. */
const channelOf = (index: number): number => index * 2;

/** DESCRIBE → publish here → SETUP each → PLAY → media. Resolves when media may come. */
export async function fetchStream(settings: FetchSettings, dependencies: FetchDependencies): Promise<void> {
  const { core, plane, client, scope } = dependencies;
  const { connection, url } = client;
  const described = await client.ask('DESCRIBE', url.target, { Accept: 'application/sdp' });
  const description = readDescription(described.body.toString());
  const base = baseOf(described, url.target);
  const media = usableMedia(description, plane);
  const session = core.sessions.open({
    protocol: pullProtocol,
    remoteAddress: connection.remoteAddress,
    agent: described.headers.get('server') ?? '',
    parent: scope,
    inspect: () => ({ bytesIn: connection.bytesIn }),
  });
  session.scope.defer((reason) => void scope.close(reason));
  const record = await RecordSession.open(
    {
      name: settings.stream,
      credentials: noCredentials,
      description: { ...description, media },
      onConflict: 'refuse',
      anySource: false,
    },
    { core, plane, session },
  );
  record.publication.scope.defer((reason) => void scope.close(reason));
  let answer: RtspResponse | undefined;
  let transport = settings.transport === 'udp' ? ('udp' as const) : ('tcp' as const);
  for (let index = 0; index < media.length; index += 1) {
    const medium = media[index];
    if (medium === undefined) continue;
    const control = resolveControl(base, medium.control);
    try {
      answer = await setUp(transport, { index, medium, control }, record, settings, dependencies);
    } catch (error) {
      // 461: it will not have this way; the other one, where we may choose and nothing is set up yet.
      if (!(error instanceof RtspRefusal) || error.status !== 461 || settings.transport !== 'auto' || index > 0)
        throw error;
      transport = 'udp';
      answer = await setUp(transport, { index, medium, control }, record, settings, dependencies);
    }
  }
  client.onFrame = (channel, bytes) => {
    const medium = media[channel >> 1]?.medium;
    if (medium === undefined || transport === 'udp') return;
    if (channel % 2 === 0) record.ingest?.takePacket(medium.kind, bytes);
    else record.ingest?.takeControl(medium.kind, bytes);
  };
  const aggregate = resolveControl(base, description.control === '*' ? undefined : description.control);
  record.start();
  await client.ask('PLAY', aggregate, { Range: 'npt=0.000-' });
  if (answer !== undefined) client.keepAlive(aggregate, answer);
  scope.defer(() => client.leave(aggregate));
  watch(record, settings, dependencies);
}

async function setUp(
  transport: 'tcp' | 'udp',
  which: { index: number; medium: DescribedMedium; control: string },
  record: RecordSession,
  settings: FetchSettings,
  { plane, client }: FetchDependencies,
): Promise<RtspResponse> {
  const { index, medium, control } = which;
  const scope = record.scope.child(`${transport} ${medium.medium.kind}`);
  try {
    const { connection } = client;
    if (transport === 'tcp') {
      const channel = channelOf(index);
      const Transport = `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}`;
      const response = await client.ask('SETUP', control, { Transport });
      const [offer] = readTransports(response.headers.get('transport') ?? '');
      if (offer?.interleaved !== undefined && offer.interleaved[0] !== channel) {
        throw new WireError('unsupported', 'rtsp', 'other channels than we asked for');
      }
      record.setUp(index, { kind: 'interleaved', sink: connection, channel, controlChannel: channel + 1 }, scope);
      return response;
    }
    const ports = await plane.openPorts(
      { address: connection.localAddress, use: 'own', kind: medium.medium.kind, range: settings.ports },
      scope,
    );
    const Transport = `RTP/AVP;unicast;client_port=${ports.port}-${ports.controlPort}`;
    const response = await client.ask('SETUP', control, { Transport });
    const [offer] = readTransports(response.headers.get('transport') ?? '');
    const [port, controlPort] = offer?.serverPort ?? [0, 0];
    const route: RtpRoute = { kind: 'datagram', ports, address: connection.remoteAddress, port, controlPort };
    record.setUp(index, route, scope);
    return response;
  } catch (error) {
    await scope.close({ code: 'failed', error });
    throw error;
  }
}

/** A camera that hangs does not close its connection. */
function watch(record: RecordSession, { mediaTimeout }: FetchSettings, { core, scope }: FetchDependencies): void {
  const begun = core.clock.now();
  every(scope, core.clock, millis(250), () => {
    const last = Math.max(begun, record.ingest?.lastMedia ?? 0);
    if (core.clock.now() - last < mediaTimeout) return;
    void scope.close({ code: 'timeout', detail: 'the other server sends no media' });
  });
}

function baseOf({ headers }: RtspResponse, target: string): string {
  return headers.get('content-base') ?? headers.get('content-location') ?? target; // RFC 2326 C.1.1
}

function resolveControl(base: string, control: string | undefined): string {
  if (control === undefined || control === '' || control === '*') return base;
  if (/^rtsps?:\/\//i.test(control)) return control;
  return base.endsWith('/') ? `${base}${control}` : `${base}/${control}`;
}
