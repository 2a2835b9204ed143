import { connect, type Socket } from 'node:net';
import { amfObject } from '../../wire/amf/value.ts';
import { chunkMessage } from '../../wire/rtmp/chunk-writer.ts';
import { commandMessage } from '../../wire/rtmp/command-messages.ts';
import { setChunkSize } from '../../wire/rtmp/control-messages.ts';
import { clientHello, serverHelloLength } from '../../wire/rtmp/handshake.ts';

const clientChunkSize = 65_536;

/** Connects and shakes hands; everything after S2 goes to `onBytes`, out of a buffer that is used again. */
export function openLink(port: number, onBytes: (bytes: Buffer) => void): { socket: Socket; shaken: Promise<void> } {
  let left = serverHelloLength;
  let settle: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const shaken = new Promise<void>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafe(65_536),
      callback: (length, buffer) => {
        let from = 0;
        if (left > 0) {
          from = Math.min(left, length);
          left -= from;
          if (left === 0) {
            socket.write(Buffer.alloc(1_536));
            settle();
          }
        }
        if (from < length) onBytes(Buffer.from(buffer.buffer, buffer.byteOffset + from, length - from));
        return true;
      },
    },
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('closed during the handshake')));
  socket.on('connect', () => socket.write(clientHello({ time: 0, random: Buffer.alloc(1_528) }).bytes));
  return { socket, shaken };
}

/** The first messages of every client: chunk size, connect, createStream. The answers are taken for granted. */
export function sendConnect(socket: Socket, port: number): void {
  socket.write(chunkMessage(setChunkSize(clientChunkSize), 128));
  sendCommand(socket, {
    name: 'connect',
    transactionId: 1,
    object: { app: 'live', flashVer: 'bench', tcUrl: `rtmp://127.0.0.1:${port}/live` },
  });
  sendCommand(socket, { name: 'createStream', transactionId: 2 });
}

export interface BenchCommand {
  readonly name: string;
  readonly transactionId: number;
  readonly object?: Record<string, string>;
  readonly args?: readonly (string | number)[];
  /** Message stream id; 0 when not told. */
  readonly on?: number;
}

export function sendCommand(socket: Socket, { name, transactionId, object, args, on }: BenchCommand): void {
  const command = { name, transactionId, object: object === undefined ? null : amfObject(object), args: args ?? [] };
  socket.write(chunkMessage(commandMessage(command, { streamId: on ?? 0, csid: 3 }), clientChunkSize));
}

export function chunkForClient(type: number, timestamp: number, payload: readonly Buffer[]): Buffer {
  return chunkMessage({ type, streamId: 1, timestamp, csid: type === 9 ? 6 : 4, payload }, clientChunkSize);
}
