import { connect, type Socket } from 'node:net';

export interface Got {
  readonly status: number;
  readonly bytes: number;
  /** The body, when it was asked to be kept. */
  readonly body: string;
}

/** One keep-alive connection that asks one thing at a time. Bodies are counted; kept only when wanted. */
export class HttpGetter {
  readonly #port: number;
  #socket: Socket | undefined;
  #onBytes: (bytes: Buffer) => void = () => undefined;
  #onClose: (error: Error) => void = () => undefined;

  constructor(port: number) {
    this.#port = port;
  }

  get(path: string, keep: boolean): Promise<Got> {
    const socket = this.#socket ?? this.#open();
    return new Promise((resolve, reject) => {
      let head = '';
      let left = -1;
      let bytes = 0;
      let status = 0;
      const kept: Buffer[] = [];
      this.#onClose = reject;
      this.#onBytes = (chunk) => {
        let body = chunk;
        if (left < 0) {
          head += chunk.toString('latin1');
          const end = head.indexOf('\r\n\r\n');
          if (end < 0) return;
          status = Number(head.slice(9, 12));
          left = Number(/\r\ncontent-length: *(\d+)/i.exec(head.slice(0, end))?.[1] ?? 0);
          body = Buffer.from(head.slice(end + 4), 'latin1');
        }
        bytes += chunk.length;
        left -= body.length;
        if (keep) kept.push(Buffer.from(body));
        if (left <= 0) resolve({ status, bytes, body: Buffer.concat(kept).toString('utf8') });
      };
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n`);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({
      port: this.#port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(65_536),
        callback: (length, buffer) => {
          this.#onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    });
    socket.on('error', (error) => this.#onClose(error));
    socket.on('close', () => {
      this.#socket = undefined;
      this.#onClose(new Error('the server closed the connection'));
    });
    this.#socket = socket;
    return socket;
  }
}
