import type { Credentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Session } from '../../core/sessions/session.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { IngestLeg, RtpIngest, RtpPlane, RtpRoute } from '../rtp/contract.ts';
import type { DescribedMedium, Description } from './description.ts';

export interface RecordDependencies {
  readonly core: Core;
  readonly plane: RtpPlane;
  readonly session: Session;
}

export interface RecordRequest {
  readonly name: string;
  readonly credentials: Credentials;
  readonly description: Description;
  readonly onConflict: 'refuse' | 'replace';
  /** Whether datagrams may come from anywhere. */
  readonly anySource: boolean;
}

/** Media that are taken, of all that were announced. Throws `protocol-violation` when there is none. */
export function usableMedia(description: Description, plane: RtpPlane): readonly DescribedMedium[] {
  const taken = new Map<string, DescribedMedium>();
  for (const described of description.media) {
    const { kind, format } = described.medium;
    // One of each kind: a stream has one picture and one sound.
    if (!taken.has(kind) && plane.understands(kind, format)) taken.set(kind, described);
  }
  if (taken.size > 0) return [...taken.values()];
  const told = description.media.map(({ medium }) => medium.format.encoding).join(', ') || 'no media';
  throw new SwitchyardError('protocol-violation', { protocol: 'RTSP', what: `nothing of ${told} can be taken` });
}

/** A stream as one publisher brings it: announced, set up, recording. */
export class RecordSession {
  readonly name: string;
  readonly scope: Scope;
  readonly media: readonly DescribedMedium[];
  readonly publication: Publication;
  readonly #plane: RtpPlane;
  readonly #anySource: boolean;
  readonly #routes = new Map<number, { readonly route: RtpRoute; readonly scope: Scope }>();
  #ingest: RtpIngest | undefined;

  private constructor(
    request: RecordRequest,
    media: readonly DescribedMedium[],
    publication: Publication,
    dependencies: RecordDependencies & { scope: Scope },
  ) {
    this.name = request.name;
    this.media = media;
    this.publication = publication;
    this.scope = dependencies.scope;
    this.#plane = dependencies.plane;
    this.#anySource = request.anySource;
  }

  /** Publishes. Throws what `streams.publish` throws, and `protocol-violation` when nothing announced can be taken. */
  static async open(request: RecordRequest, dependencies: RecordDependencies): Promise<RecordSession> {
    const { core, plane, session } = dependencies;
    const media = usableMedia(request.description, plane);
    const scope = session.scope.child(`recording ${request.name}`);
    const self: { record?: RecordSession } = {};
    try {
      const publication = await core.streams.publish({
        name: request.name,
        session,
        credentials: request.credentials,
        onConflict: request.onConflict,
        expects: media.map(({ medium }) => medium.kind),
        parent: scope,
        ...(media.some(({ medium }) => canBeAsked(medium.feedback))
          ? { requestKeyframe: () => self.record?.ingest?.requestKeyframe() }
          : {}),
        ...(request.description.name === '' ? {} : { metadata: { title: request.description.name } }),
      });
      const record = new RecordSession(request, media, publication, { ...dependencies, scope });
      self.record = record;
      publication.scope.defer((reason) => void scope.close(reason));
      return record;
    } catch (error) {
      await scope.close({ code: 'refused', error });
      throw error;
    }
  }

  get ingest(): RtpIngest | undefined {
    return this.#ingest;
  }

  /** The medium that a control URL names: by its end, by its whole, or the next that is not set up. */
  findMedium(url: string): number | undefined {
    const plain = url.replace(/\/+$/, '');
    const named = this.media.findIndex(
      ({ control }) => control !== undefined && (plain === control || plain.endsWith(`/${control}`)),
    );
    if (named >= 0) return named;
    const next = this.media.findIndex((_, index) => !this.#routes.has(index));
    return next < 0 ? undefined : next;
  }

  setUp(index: number, route: RtpRoute, scope: Scope): void {
    void this.#routes.get(index)?.scope.close({ code: 'replaced' });
    this.#routes.set(index, { route, scope });
  }

  get routes(): readonly RtpRoute[] {
    return [...this.#routes.values()].map(({ route }) => route);
  }

  /** Takes media from here on. */
  start(): void {
    if (this.#ingest !== undefined) return;
    const legs = this.media.flatMap(({ medium }, index): IngestLeg[] => {
      const route = this.#routes.get(index)?.route;
      return route === undefined ? [] : [{ medium, route }];
    });
    this.publication.stream.settling.expect(legs.map(({ medium }) => medium.kind));
    this.#ingest = this.#plane.ingest({ publication: this.publication, legs, anySource: this.#anySource });
  }
}

function canBeAsked(feedback: readonly string[]): boolean {
  return feedback.includes('nack pli') || feedback.includes('ccm fir');
}
