import type { Socket } from 'node:net';
import { type FlvTag, flvTagType } from '../../wire/flv/file.ts';
import { chunkForClient, openLink, sendCommand, sendConnect } from './rtmp-link.ts';
import { makeStamp, sharedNow } from './stamp.ts';

/** AVC sequence headers and AAC configurations say so in their second byte. */
function isConfig(tag: FlvTag): boolean {
  return tag.body[1] === 0;
}

/** The clip is played over and over: its end of sequence is not one. */
function isEnd(tag: FlvTag): boolean {
  return tag.type === flvTagType.video && tag.body[1] === 2;
}

/** Publishes a clip over and over in real time, each video frame with a stamp. */
export class BenchPublisher {
  readonly ready: Promise<void>;
  bytes = 0;
  readonly #socket: Socket;
  readonly #tags: readonly FlvTag[];
  readonly #length: number;
  #frame = 0;

  constructor(port: number, name: string, tags: readonly FlvTag[]) {
    this.#tags = tags.filter((tag) => !isEnd(tag));
    // One frame more than the newest timestamp, so that the next turn does not begin on top of this one.
    this.#length = Math.max(...tags.map((tag) => tag.timestamp)) + 33;
    const link = openLink(port, () => undefined);
    this.#socket = link.socket;
    this.ready = link.shaken.then(() => {
      sendConnect(this.#socket, port);
      sendCommand(this.#socket, { name: 'publish', transactionId: 3, args: [name, 'live'], on: 1 });
    });
  }

  async run(seconds: number): Promise<void> {
    const start = sharedNow() + 200;
    for (let turn = 0; turn * this.#length < seconds * 1_000; turn += 1) {
      for (const tag of this.#tags) {
        if (isConfig(tag) && turn > 0) continue;
        const timestamp = turn * this.#length + tag.timestamp;
        if (timestamp > seconds * 1_000) break;
        const wait = start + timestamp - sharedNow();
        if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
        if (this.#socket.destroyed) throw new Error('the server closed a publisher');
        this.#send(tag, timestamp);
      }
    }
    this.#socket.destroy();
  }

  #send(tag: FlvTag, timestamp: number): void {
    const stamped = tag.type === flvTagType.video && !isConfig(tag);
    const message = chunkForClient(tag.type, timestamp, stamped ? [tag.body, makeStamp(this.#frame)] : [tag.body]);
    if (stamped) this.#frame += 1;
    this.bytes += message.length;
    this.#socket.write(message);
  }
}
