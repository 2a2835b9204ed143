import type { Scope } from '../lifecycle/scope.ts';
import type { AccessUnit } from '../media/access-unit.ts';
import type { CodecDescriptor } from '../media/codecs/codec-descriptor.ts';
import type { Session } from '../sessions/session.ts';
import type { Timeline } from '../time/timeline.ts';
import type { Stream } from './stream.ts';
import type { Track } from './track.ts';

/** The write handle of a stream. Ends with its scope; the close reason decides whether viewers are kept for a while. */
export class Publication {
  readonly stream: Stream;
  readonly session: Session;
  readonly scope: Scope;
  readonly timeline: Timeline;
  /** The protocol that carries the media. */
  readonly carrier: string;
  /** Facts that the publisher told; replaced when it tells again. */
  metadata: Readonly<Record<string, unknown>>;

  constructor(stream: Stream, details: Pick<Publication, 'session' | 'scope' | 'timeline' | 'carrier' | 'metadata'>) {
    this.stream = stream;
    this.session = details.session;
    this.scope = details.scope;
    this.timeline = details.timeline;
    this.carrier = details.carrier;
    this.metadata = details.metadata;
  }

  /** A track for media in `codec`. A track of the same id that an earlier publication left is taken up again. */
  addTrack(codec: CodecDescriptor, id: string = codec.kind): TrackWriter {
    return new TrackWriter(this, this.stream.openTrack(id, codec));
  }
}

/** The write handle of one track. Never waits. */
export class TrackWriter {
  readonly track: Track;
  readonly #publication: Publication;
  #atKeyframe = false;

  constructor(publication: Publication, track: Track) {
    this.#publication = publication;
    this.track = track;
    this.#atKeyframe = track.kind === 'audio';
  }

  /**
   * Hands a unit to all subscribers. Its bytes are given away for ever. What can't be used is counted, not thrown: a
   * video unit before the publication's first keyframe, or one whose decoding time does not rise.
   */
  write(unit: AccessUnit): void {
    if (this.#publication.scope.closed) return;
    const track = this.track;
    if (!this.#atKeyframe) {
      if (!unit.keyframe) {
        track.counters.beforeKeyframe += 1;
        return;
      }
      this.#atKeyframe = true;
    }
    if (track.lastDts !== undefined && unit.dts <= track.lastDts) {
      track.counters.disordered += 1;
      return;
    }
    this.#publication.stream.append(track, unit);
  }

  /** After lost media: nothing is passed on until the next keyframe, which the publisher is asked for. */
  awaitKeyframe(): void {
    if (this.track.kind === 'audio') return;
    this.#atKeyframe = false;
    this.#publication.stream.requestKeyframe();
  }
}
