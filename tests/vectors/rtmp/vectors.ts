import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RtmpMessage } from '../../../wire/rtmp/message.ts';

export type MessageSummary = Omit<RtmpMessage, 'payload'> & { readonly length: number; readonly sha1: string };

/** What a real client sent; the bytes are in base64. */
export type RtmpCapture = {
  readonly name: string;
  readonly origin: string;
  /** C0 and C1. */
  readonly hello: string;
  readonly scheme: string | null;
  /** Everything behind C2. */
  readonly bytes: string;
  readonly messages: readonly MessageSummary[];
};

export const rtmpCaptures = JSON.parse(
  readFileSync(new URL('./captures.json', import.meta.url), 'utf8'),
) as readonly RtmpCapture[];

export function summarize({ payload, ...rest }: RtmpMessage): MessageSummary {
  return { ...rest, length: payload.length, sha1: createHash('sha1').update(payload).digest('hex') };
}

export function hexBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

const x = (count: number) => 'ab'.repeat(count);

/** Chunks and the messages they make. `written`: ours writes the one message in just these bytes, at `chunkSize`. */
export type ChunkRow = {
  readonly name: string;
  readonly origin: string;
  readonly hex: string;
  readonly messages: readonly RtmpMessage[];
  readonly written?: { readonly chunkSize: number };
};

function message(csid: number, timestamp: number, length: number, type = 8, streamId = 12345): RtmpMessage {
  return { type, streamId, timestamp, csid, payload: Buffer.alloc(length, 0xab) };
}

export const chunkRows: readonly ChunkRow[] = [
  {
    name: 'four audio messages with headers of type 0, 2, 3, 3',
    origin: 'RTMP 1.0 5.3.2.1, example 1',
    hex: `03 0003e8 000020 08 39300000 ${x(32)} 83 000014 ${x(32)} c3 ${x(32)} c3 ${x(32)}`,
    messages: [message(3, 1000, 32), message(3, 1020, 32), message(3, 1040, 32), message(3, 1060, 32)],
  },
  {
    name: 'a message longer than the chunk size',
    origin: 'RTMP 1.0 5.3.2.2, example 2',
    hex: `04 0003e8 000133 09 3a300000 ${x(128)} c4 ${x(128)} c4 ${x(51)}`,
    messages: [message(4, 1000, 307, 9, 12346)],
    written: { chunkSize: 128 },
  },
  {
    name: 'two-byte chunk stream ids',
    origin: 'RTMP 1.0 5.3.1.1',
    hex: `00ff 000000 000001 08 01000000 ab`,
    messages: [message(319, 0, 1, 8, 1)],
    written: { chunkSize: 128 },
  },
  {
    name: 'three-byte chunk stream ids',
    origin: 'RTMP 1.0 5.3.1.1: the third byte counts 256 times',
    hex: `010001 000000 000001 08 01000000 ab 01ffff 000000 000001 08 01000000 ab`,
    messages: [message(320, 0, 1, 8, 1), message(65599, 0, 1, 8, 1)],
  },
  {
    name: 'the greatest timestamp without extension',
    origin: 'RTMP 1.0 5.3.1.2.1',
    hex: `03 fffffe 000001 08 01000000 ab`,
    messages: [message(3, 0xfffffe, 1, 8, 1)],
    written: { chunkSize: 128 },
  },
  {
    name: 'the extended timestamp, repeated in type 3',
    origin: 'RTMP 1.0 5.3.1.3',
    hex: `03 ffffff 000082 08 01000000 00ffffff ${x(128)} c3 00ffffff ${x(2)}`,
    messages: [message(3, 0xffffff, 130, 8, 1)],
    written: { chunkSize: 128 },
  },
  {
    name: 'the extended timestamp, not repeated in type 3',
    origin: 'peers that leave it out, hand-made',
    hex: `03 ffffff 000082 08 01000000 01234567 ${x(128)} c3 ${x(2)} 03 ffffff 000082 08 01000000 abababab ${x(128)} c3 ${x(2)}`,
    messages: [message(3, 0x1234567, 130, 8, 1), message(3, 0xabababab, 130, 8, 1)],
  },
  {
    name: 'an extended delta, repeated as absolute timestamp',
    origin: 'hand-made',
    hex: `03 000010 000000 08 01000000 43 ffffff 000082 08 01000000 ${x(128)} c3 01000010 ${x(2)}`,
    messages: [message(3, 16, 0, 8, 1), message(3, 0x01000010, 130, 8, 1)],
  },
  {
    name: 'a wrap of the timestamp',
    origin: 'RTMP 1.0 3, byte order and timestamps: 32 bits that roll over',
    hex: `03 ffffff 000001 08 01000000 fffffff0 ab 83 000020 ab`,
    messages: [message(3, 0xfffffff0, 1, 8, 1), message(3, 0x10, 1, 8, 1)],
  },
  {
    name: 'a type 3 that begins a message after a type 0',
    origin: 'RTMP 1.0 5.3.1.2.4: the delta is the timestamp of the type 0',
    hex: `03 000064 000001 08 01000000 ab c3 ab`,
    messages: [message(3, 100, 1, 8, 1), message(3, 200, 1, 8, 1)],
  },
  {
    name: 'messages interleaved on two chunk streams',
    origin: 'RTMP 1.0 5.3, hand-made',
    hex: `04 000000 000082 09 01000000 ${x(128)} 05 000000 000081 08 01000000 ${x(128)} c4 ${x(2)} c5 ${x(1)}`,
    messages: [message(4, 0, 130, 9, 1), message(5, 0, 129, 8, 1)],
  },
  {
    name: 'a chunk size that holds from the next chunk on, for a message under way too',
    origin: 'RTMP 1.0 5.4.1, hand-made',
    hex: `04 000000 000112 09 01000000 ${x(128)} 02 000000 000004 01 00000000 00000090 c4 ${x(144)} c4 ${x(2)}`,
    messages: [message(4, 0, 274, 9, 1)],
  },
  {
    name: 'an aborted message',
    origin: 'RTMP 1.0 5.4.2, hand-made',
    hex: `04 000000 000082 09 01000000 ${x(128)} 02 000000 000004 02 00000000 00000004 44 000005 000001 08 ab`,
    messages: [message(4, 5, 1, 8, 1)],
  },
  {
    name: 'messages without payload',
    origin: 'Flash sends empty audio for silence, hand-made',
    hex: `04 000001 000000 08 01000000 c4 c4`,
    messages: [message(4, 1, 0, 8, 1), message(4, 2, 0, 8, 1), message(4, 3, 0, 8, 1)],
  },
];
