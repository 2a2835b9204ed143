import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { FrameTally, type PlayerReport } from './frame-tally.ts';
import { readStamp, sharedNow, stampTail } from './stamp.ts';

/** A player that skips over payloads: it counts bytes, and reads the stamp at the end of each video frame. */
export class RtspBenchPlayer {
  readonly joined: Promise<void>;
  joinMillis = 0;
  readonly #socket: Socket;
  readonly #url: string;
  readonly #udp: boolean;
  readonly #tally = new FrameTally();
  readonly #sockets: DatagramSocket[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #closed = false;
  #step = 0;
  #session = '';
  #onFirstFrame: () => void = () => undefined;

  constructor(port: number, name: string, udp: boolean) {
    this.#udp = udp;
    this.#url = `rtsp://127.0.0.1:${port}/${name}`;
    this.joined = new Promise((resolve) => {
      this.#onFirstFrame = resolve;
    });
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('connect', () => this.#ask('DESCRIBE', ''));
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#closed = true;
    });
  }

  /** Counts from now on. */
  mark(): void {
    this.#tally.mark();
  }

  report(): PlayerReport {
    return this.#tally.report(this.#closed);
  }

  #ask(method: string, track: string, transport = ''): void {
    this.#step += 1;
    const session = this.#session === '' ? '' : `Session: ${this.#session}\r\n`;
    const way = transport === '' ? '' : `Transport: ${transport}\r\n`;
    this.#socket.write(`${method} ${this.#url}${track} RTSP/1.0\r\nCSeq: ${this.#step}\r\n${session}${way}\r\n`);
  }

  /** The answers come in the order of the questions: DESCRIBE, SETUP, SETUP, PLAY. */
  async #proceed(head: string): Promise<void> {
    if (!head.startsWith('RTSP/1.0 200')) throw new Error(head);
    this.#session = /Session: ([^;\r]+)/.exec(head)?.[1] ?? this.#session;
    if (this.#step === 1) this.#ask('SETUP', '/trackID=0', await this.#transport(0));
    else if (this.#step === 2) this.#ask('SETUP', '/trackID=1', await this.#transport(1));
    else if (this.#step === 3) {
      this.joinMillis = -sharedNow();
      this.#ask('PLAY', '');
    }
  }

  async #transport(track: number): Promise<string> {
    if (!this.#udp) return `RTP/AVP/TCP;unicast;interleaved=${track * 2}-${track * 2 + 1}`;
    const [media, control] = [createSocket('udp4'), createSocket('udp4')];
    for (const socket of [media, control]) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    this.#sockets.push(media, control);
    media.on('message', (packet) => {
      this.#tally.bytes += packet.length;
      if (track === 0) this.#takePacket(packet, 0, packet.length);
    });
    return `RTP/AVP;unicast;client_port=${media.address().port}-${control.address().port}`;
  }

  #read(bytes: Buffer): void {
    if (!this.#udp) this.#tally.bytes += bytes.length;
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (at < all.length) {
      const taken = all[at] === 0x24 ? this.#readFrame(all, at) : this.#readAnswer(all, at);
      if (taken === 0) break;
      at += taken;
    }
    this.#rest = all.subarray(at);
  }

  #readFrame(all: Buffer, at: number): number {
    if (all.length - at < 4) return 0;
    const length = all.readUInt16BE(at + 2);
    if (all.length - at < 4 + length) return 0;
    if (all[at + 1] === 0) this.#takePacket(all, at + 4, at + 4 + length);
    return 4 + length;
  }

  #readAnswer(all: Buffer, at: number): number {
    const end = all.indexOf('\r\n\r\n', at);
    if (end < 0) return 0;
    const head = all.toString('latin1', at, end);
    const length = end + 4 - at + Number(/Content-Length: (\d+)/.exec(head)?.[1] ?? 0);
    if (all.length - at < length) return 0;
    void this.#proceed(head);
    return length;
  }

  /** The stamp ends the last packet of a frame. */
  #takePacket(bytes: Buffer, from: number, to: number): void {
    if (((bytes[from + 1] ?? 0) & 0x80) === 0) return;
    const stamp = readStamp(bytes.subarray(to - stampTail, to));
    if (stamp === undefined) return;
    if (this.joinMillis <= 0) {
      this.joinMillis += sharedNow();
      this.#onFirstFrame();
    }
    this.#tally.take(stamp);
  }
}
