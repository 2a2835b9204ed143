import assert from 'node:assert/strict';
import { ChunkReader } from '../../../../wire/rtmp/chunk-reader.ts';
import { chunkMessage } from '../../../../wire/rtmp/chunk-writer.ts';

describe('wire/rtmp chunk reader limits', () => {
  const message = chunkMessage({ type: 9, streamId: 1, timestamp: 0, csid: 6, payload: [Buffer.alloc(2_000)] }, 128);

  it('hold until others are allowed', () => {
    const stranger = new ChunkReader({ messageBytes: 1_000 });
    assert.throws(() => stranger.push(message, () => undefined), { code: 'too-large' });
    const admitted = new ChunkReader({ messageBytes: 1_000 });
    admitted.allow({ messageBytes: 2_000 });
    let length = 0;
    admitted.push(message, ({ payload }) => {
      length = payload.length;
    });
    assert.equal(length, 2_000);
  });

  it('leave alone what was not named', () => {
    const reader = new ChunkReader({ messageBytes: 1_000, partialBytes: 500 });
    reader.allow({ messageBytes: 10_000 });
    assert.throws(() => reader.push(message, () => undefined), /500 bytes of unfinished messages/);
  });
});
