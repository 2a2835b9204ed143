import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import { Batches, type Place, type Viewer } from './batches.ts';
import type { PeerSocket } from './peer-socket.ts';

/** Media bytes of one message; more goes out in turns, as far as the peer takes it. */
const batchBytes = 256 * 1_024;

export interface PlaybackListener {
  /** The picture has another size from the next unit on. */
  onSize(width: number, height: number): void;
  /** Called once, when the subscription has nothing more to give. */
  onEnd(): void;
}

/**
 * Subscription → binary WebSocket. A player that does not take its bytes is not pulled for: its place in the stream falls
 * behind, and its subscription jumps to a key frame by itself. So it is while there is no socket.
 */
export class Playback implements Viewer {
  readonly subscription: Subscription;
  readonly #listener: PlaybackListener;
  readonly #onWritten = (): void => this.#continue();
  #place: Place = { audio: undefined };
  #socket: PeerSocket | undefined;
  #picture: CodecDescriptor | undefined;
  #full = false;
  #ended = false;

  constructor(subscription: Subscription, listener: PlaybackListener) {
    this.subscription = subscription;
    this.#listener = listener;
    subscription.scope.defer(() => this.#end());
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  /** Media goes to `socket` from a key frame on, until the socket's scope closes; then `onLost` is called. */
  connect(socket: PeerSocket, onLost: () => void): void {
    this.#socket = socket;
    this.#full = false;
    this.#place = { audio: undefined };
    this.subscription.rejoin();
    socket.scope.defer(() => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (!this.#ended) onLost();
    });
    this.flush(new Batches());
  }

  flush(batches: Batches): void {
    while (!this.#full && !this.#ended) {
      const socket = this.#socket;
      if (socket === undefined) {
        if (this.subscription.endReason !== undefined) this.#end();
        return;
      }
      const units = batches.scratch;
      this.#pull(units);
      if (units.length === 0) {
        if (this.subscription.endReason !== undefined) this.#end();
        return;
      }
      const batch = batches.give(units, this.#place);
      this.#place.audio = batch.audio;
      this.#full = !socket.sendMedia(batch.bytes, this.#onWritten);
    }
  }

  #pull(into: QueuedUnit[]): void {
    into.length = 0;
    let bytes = 0;
    while (bytes < batchBytes) {
      const next = this.subscription.pull();
      if (next === undefined) return;
      into.push(next);
      bytes += next.unit.size;
      if (next.unit.codec !== this.#picture && next.unit.codec.kind === 'video') this.#note(next.unit.codec);
    }
  }

  #note(codec: CodecDescriptor): void {
    const before = this.#picture;
    this.#picture = codec;
    if (codec.kind !== 'video') return;
    if (before?.kind === 'video' && before.width === codec.width && before.height === codec.height) return;
    this.#listener.onSize(codec.width, codec.height);
  }

  /** The socket has written something. */
  #continue(): void {
    if (!this.#full || this.#socket?.isFull !== false) return;
    this.#full = false;
    this.flush(new Batches());
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket = undefined;
    this.#listener.onEnd();
  }
}
