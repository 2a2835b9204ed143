import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { ChunkReader } from '../../wire/rtmp/chunk-reader.ts';
import { chunkMessage } from '../../wire/rtmp/chunk-writer.ts';
import { setChunkSize } from '../../wire/rtmp/control-messages.ts';
import type { RtmpMessage } from '../../wire/rtmp/message.ts';
import { chunkRows, hexBytes, rtmpCaptures } from '../vectors/rtmp/vectors.ts';

function read(pieces: readonly Buffer[]): RtmpMessage[] {
  const reader = new ChunkReader();
  const messages: RtmpMessage[] = [];
  for (const piece of pieces) reader.push(piece, (message) => messages.push(message));
  assert.equal(reader.partialBytes, 0);
  return messages;
}

/** The bytes cut at `cuts`, each piece in memory of its own. */
function readCut(bytes: Buffer, cuts: readonly number[]): RtmpMessage[] {
  const places = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
  const pieces = [0, ...places].map((from, i) => Buffer.from(bytes.subarray(from, places[i] ?? bytes.length)));
  return read(pieces);
}

const message = fc.record(
  {
    type: fc.constantFrom(8, 9, 18, 20, 99),
    streamId: fc.integer({ min: 0, max: 0xffffffff }),
    timestamp: fc.oneof(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.constantFrom(0, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff),
    ),
    csid: fc.constantFrom(2, 3, 63, 64, 319, 320, 65599),
    payload: fc
      .tuple(fc.oneof(fc.nat(300), fc.constantFrom(127, 128, 129, 256, 4096, 65536, 65537, 200000)), fc.nat(255))
      .map(([length, first]) => Buffer.alloc(length, Buffer.from([first, 1, 2, 3, 4, 5, 6]))),
  },
  { noNullPrototype: true },
);

describe('RTMP chunk stream', () => {
  it('read(write(x)) = x, however the bytes are cut, at any chunk size', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 128, max: 70000 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (messages, chunkSize, cuts) => {
          const chunks = messages.map((each) => chunkMessage({ ...each, payload: [each.payload] }, chunkSize));
          const bytes = Buffer.concat([chunkMessage(setChunkSize(chunkSize), 128), ...chunks]);
          assert.deepEqual(readCut(bytes, cuts), messages);
        },
      ),
    );
  });

  it('gives the same messages for every cutting of the vectors', () => {
    const streams = [
      ...chunkRows.map((row) => hexBytes(row.hex)),
      ...rtmpCaptures.map((capture) => Buffer.from(capture.bytes, 'base64')),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...streams), fc.array(fc.nat(), { maxLength: 60 }), (bytes, cuts) => {
        assert.deepEqual(readCut(bytes, cuts), read([bytes]));
      }),
      { numRuns: 300 },
    );
  });

  it('puts interleaved messages together', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(message, { selector: ({ csid }) => csid, minLength: 2, maxLength: 5 }),
        fc.array(fc.nat(4), { maxLength: 200 }),
        (messages, order) => {
          const small = messages.map((each) => ({ ...each, payload: each.payload.subarray(0, 1000) }));
          const queues = small.map((each) => chunksOf(each));
          const bytes: Buffer[] = [];
          const finished: RtmpMessage[] = [];
          for (const turn of [...order, ...small.flatMap((_, i) => Array<number>(10).fill(i))]) {
            const at = turn % queues.length;
            const chunk = queues[at]?.shift();
            if (chunk === undefined) continue;
            bytes.push(chunk);
            const whole = small[at];
            if (queues[at]?.length === 0 && whole !== undefined) finished.push(whole);
          }
          assert.deepEqual(read([Buffer.concat(bytes)]), finished);
        },
      ),
    );
  });
});

/** A message's chunks of 128 bytes one by one. */
function chunksOf(message: RtmpMessage): Buffer[] {
  const bytes = chunkMessage({ ...message, payload: [message.payload] }, 128);
  const basic = message.csid < 64 ? 1 : message.csid < 320 ? 2 : 3;
  const extended = message.timestamp >= 0xffffff ? 4 : 0;
  const first = Math.min(bytes.length, basic + 11 + extended + 128);
  const chunks = [bytes.subarray(0, first)];
  for (let at = first; at < bytes.length; at += basic + extended + 128) {
    chunks.push(bytes.subarray(at, at + basic + extended + 128));
  }
  return chunks;
}
