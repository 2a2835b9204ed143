import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { WireError, type WireErrorCode } from '../../../../wire/errors.ts';
import { ChunkReader, type ChunkReaderLimits } from '../../../../wire/rtmp/chunk-reader.ts';
import { chunkMessage } from '../../../../wire/rtmp/chunk-writer.ts';
import type { RtmpMessage } from '../../../../wire/rtmp/message.ts';
import { chunkRows, hexBytes, rtmpCaptures, summarize } from '../../../vectors/rtmp/vectors.ts';

function readAll(bytes: Buffer, step = bytes.length, limits?: Partial<ChunkReaderLimits>): RtmpMessage[] {
  const reader = new ChunkReader(limits);
  const messages: RtmpMessage[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    reader.push(Buffer.from(bytes.subarray(at, at + step)), (message) => messages.push(message));
  }
  assert.equal(reader.bytesReceived, bytes.length);
  assert.equal(reader.partialBytes, 0);
  return messages;
}

function refuses(hex: string, code: WireErrorCode, limits?: Partial<ChunkReaderLimits>): void {
  assert.throws(
    () => readAll(hexBytes(hex), undefined, limits),
    (error) => error instanceof WireError && error.code === code && error.format === 'rtmp',
  );
}

const media = (csid: number, payload: Buffer, timestamp = 0, chunkSize = 128) =>
  chunkMessage({ type: 9, streamId: 1, csid, timestamp, payload: [payload] }, chunkSize);

describe('RTMP chunk vectors', () => {
  for (const row of chunkRows) {
    it(`reads ${row.name}, whole and byte by byte`, () => {
      assert.deepEqual(readAll(hexBytes(row.hex)), row.messages);
      assert.deepEqual(readAll(hexBytes(row.hex), 1), row.messages);
    });
    const { written, messages } = row;
    const [message] = messages;
    if (written !== undefined && message !== undefined) {
      it(`writes ${row.name}`, () => {
        const outgoing = { ...message, payload: [message.payload] };
        assert.equal(chunkMessage(outgoing, written.chunkSize).toString('hex'), hexBytes(row.hex).toString('hex'));
      });
    }
  }

  for (const capture of rtmpCaptures) {
    it(`reads what came when ${capture.name}`, () => {
      const bytes = Buffer.from(capture.bytes, 'base64');
      assert.ok(capture.messages.length > 5);
      assert.deepEqual(readAll(bytes).map(summarize), capture.messages);
      assert.deepEqual(readAll(bytes, 7).map(summarize), capture.messages);
    });
  }
});

describe('RTMP chunk reader bounds', () => {
  it('refuses chunk sizes that no peer means (hostile input 1)', () => {
    const setChunkSize = '02 000000 000004 01 00000000';
    refuses(`${setChunkSize} 00000000`, 'malformed');
    refuses(`${setChunkSize} 80000000`, 'malformed');
    refuses(`${setChunkSize} ffffffff`, 'malformed');
    refuses(`${setChunkSize} 00000001`, 'unsupported');
    refuses(`${setChunkSize} 0000007f`, 'unsupported');
    refuses('02 000000 000003 01 00000000 000080', 'malformed');
  });

  it('takes a chunk size of 0x7fffffff without making room for it', () => {
    const reader = new ChunkReader();
    const messages: RtmpMessage[] = [];
    reader.push(hexBytes('02 000000 000004 01 00000000 7fffffff'), (message) => messages.push(message));
    assert.equal(reader.chunkSize, 0xffffff);
    const payload = Buffer.alloc(200000, 7);
    reader.push(media(4, payload, 0, 0xffffff), (message) => messages.push(message));
    assert.deepEqual(messages[0]?.payload, payload);
    assert.equal(reader.partialBytes, 0);
  });

  it('refuses long messages at their header', () => {
    refuses('04 000000 ffffff 09 01000000', 'too-large');
    refuses('04 000000 000065 09 01000000', 'too-large', { messageBytes: 100 });
  });

  it('holds memory for what has come, not for what was declared (hostile input 2)', () => {
    const reader = new ChunkReader();
    const ignore = () => undefined;
    const whole = (csid: number) => media(csid, Buffer.alloc(300000));
    const header = 12;
    for (let csid = 3; csid < 63; csid += 1) {
      reader.push(whole(csid).subarray(0, header), ignore);
      assert.equal(reader.partialBytes, 0);
      reader.push(whole(csid).subarray(header, header + 128), ignore);
      assert.equal(reader.partialBytes, 65536);
      reader.push(hexBytes(`02 000000 000004 02 00000000 000000${csid.toString(16).padStart(2, '0')}`), ignore);
      assert.equal(reader.partialBytes, 0);
    }
  });

  it('grows a large message as its bytes come', () => {
    const reader = new ChunkReader();
    const bytes = media(4, Buffer.alloc(300000, 5), 0, 128);
    let payload: Buffer | undefined;
    for (let at = 0; at < bytes.length; at += 1000) {
      reader.push(Buffer.from(bytes.subarray(at, at + 1000)), (message) => {
        payload = message.payload;
      });
      assert.ok(reader.partialBytes <= Math.max(65536, 2 * (at + 1000)));
    }
    assert.deepEqual(payload, Buffer.alloc(300000, 5));
    assert.equal(reader.partialBytes, 0);
  });

  it('bounds unfinished messages over all chunk streams', () => {
    const chunk = (csid: number) => media(csid, Buffer.alloc(60000)).subarray(0, 12 + 128);
    const reader = new ChunkReader({ partialBytes: 200000 });
    for (const csid of [4, 5, 6]) reader.push(chunk(csid), () => undefined);
    assert.equal(reader.partialBytes, 180000);
    assert.throws(() => reader.push(chunk(7), () => undefined), { code: 'too-large' });
  });

  it('bounds the number of chunk streams', () => {
    const reader = new ChunkReader({ chunkStreams: 3 });
    for (const csid of [4, 5, 6]) reader.push(media(csid, Buffer.alloc(1)), () => undefined);
    assert.throws(() => reader.push(media(7, Buffer.alloc(1)), () => undefined), { code: 'too-large' });
  });

  it('refuses headers that have nothing to build on (hostile input 3)', () => {
    refuses('44 000000 000001 09 ab', 'malformed');
    refuses('84 000000 ab', 'malformed');
    refuses('c4', 'malformed');
    refuses(`04 000000 000082 09 01000000 ${'ab'.repeat(128)} 04 000000 000082 09 01000000`, 'malformed');
    refuses('02 000000 000003 02 00000000 000004', 'malformed');
  });

  it('tells the payload from an extended timestamp that begins alike, across pushes', () => {
    // The payload goes on with the first three bytes of the timestamp, then differs: the peer doesn't repeat it.
    const first = `03 ffffff 000083 08 01000000 01020304 ${'ab'.repeat(128)} c3 010203`;
    const next = '05 000000 000001 09 01000000 cd';
    for (const step of [1, 2, 3, 1000]) {
      const messages = readAll(hexBytes(first + next), step);
      assert.deepEqual(
        messages.map(({ payload }) => payload.subarray(-3).toString('hex')),
        ['010203', 'cd'],
        `step ${step}`,
      );
    }
  });
});

describe('RTMP payload memory', () => {
  const setChunkSize = hexBytes('02 000000 000004 01 00000000 00010000');

  function payloadOf(pushed: Buffer, limits?: Partial<ChunkReaderLimits>): Buffer | undefined {
    const reader = new ChunkReader(limits);
    let payload: Buffer | undefined;
    reader.push(setChunkSize, () => undefined);
    reader.push(pushed, (message) => {
      payload = message.payload;
    });
    return payload;
  }

  it('hands on a large payload as a view of what was pushed', () => {
    const pushed = media(4, Buffer.alloc(5000, 1), 0, 65536);
    assert.equal(payloadOf(pushed)?.buffer, pushed.buffer);
  });

  it('copies small payloads, those that would pin much, and all where buffers are used again', () => {
    const small = media(4, Buffer.alloc(4000, 1), 0, 65536);
    assert.notEqual(payloadOf(small)?.buffer, small.buffer);
    const large = media(4, Buffer.alloc(5000, 1), 0, 65536);
    const read = Buffer.alloc(65536);
    large.copy(read, 1000);
    assert.notEqual(payloadOf(read.subarray(1000, 1000 + large.length))?.buffer, read.buffer);
    assert.notEqual(payloadOf(large, { viewFrom: Number.POSITIVE_INFINITY })?.buffer, large.buffer);
  });

  it('shares no memory between connections', () => {
    const pushed = media(4, Buffer.alloc(100, 1), 0, 65536);
    const one = payloadOf(pushed);
    const other = payloadOf(pushed);
    assert.ok(one !== undefined && other !== undefined);
    assert.notEqual(one.buffer, other.buffer);
  });
});

describe('RTMP chunk writer', () => {
  it('refuses what has no form', () => {
    const message = { type: 9, streamId: 1, csid: 4, timestamp: 0, payload: [Buffer.alloc(1)] };
    assert.throws(() => chunkMessage({ ...message, csid: 1 }, 128), RangeError);
    assert.throws(() => chunkMessage({ ...message, csid: 65600 }, 128), RangeError);
    assert.throws(() => chunkMessage({ ...message, payload: [Buffer.alloc(0x1000000)] }, 128), RangeError);
    assert.throws(() => chunkMessage(message, 0), RangeError);
  });

  it('writes the parts as one payload', () => {
    const parts = [Buffer.alloc(100, 1), Buffer.alloc(0), Buffer.alloc(100, 2), Buffer.alloc(100, 3)];
    const whole = { type: 9, streamId: 1, csid: 400, timestamp: 0x1000000, payload: [Buffer.concat(parts)] };
    assert.deepEqual(chunkMessage({ ...whole, payload: parts }, 128), chunkMessage(whole, 128));
  });
});
