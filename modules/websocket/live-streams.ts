import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { Stream } from '../../core/streams/stream.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { PeerStream } from './peer-stream.ts';

/** What the clients of this protocol publish and play, over all sessions. */
export class LiveStreams {
  readonly #ids = new Set<string>();
  readonly #publishers = new WeakMap<Publication, PeerStream>();
  readonly #viewers = new WeakMap<Subscription, PeerStream>();

  /** Keeps an id for one stream; false when another has it. */
  reserve(id: string, session: Scope): boolean {
    if (session.closed || this.#ids.has(id)) return false;
    this.#ids.add(id);
    return true;
  }

  release(id: string): void {
    this.#ids.delete(id);
  }

  /** It is running. */
  note(stream: PeerStream): void {
    if (stream.publication !== undefined) this.#publishers.set(stream.publication, stream);
    if (stream.subscription !== undefined) this.#viewers.set(stream.subscription, stream);
  }

  /** Who publishes what is viewed, if by this protocol. */
  findPublisher({ stream }: Subscription): PeerStream | undefined {
    return stream.publication === undefined ? undefined : this.#publishers.get(stream.publication);
  }

  /** Who views by this subscription, if over this protocol. */
  findViewer(subscription: Subscription): PeerStream | undefined {
    return this.#viewers.get(subscription);
  }

  *viewersOf(stream: Stream): Generator<PeerStream> {
    for (const subscription of stream.subscriptions) {
      const viewer = this.#viewers.get(subscription);
      if (viewer !== undefined) yield viewer;
    }
  }
}
