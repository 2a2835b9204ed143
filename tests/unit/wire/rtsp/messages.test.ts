import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../../../wire/errors.ts';
import { formatRequest, formatResponse } from '../../../../wire/rtsp/message.ts';
import { RtspReader } from '../../../../wire/rtsp/message-reader.ts';
import { readTransports } from '../../../../wire/rtsp/transport.ts';
import { hearRtsp, rtspLimits } from '../../../vectors/rtsp/collect.ts';
import { rtspVectors, transportVectors } from '../../../vectors/rtsp/vectors.ts';

const refused = (code: string) => (error: unknown) => error instanceof WireError && error.code === code;

describe('RTSP messages', () => {
  for (const { name, origin, bytes, found } of rtspVectors) {
    it(`${name} (${origin})`, () => {
      assert.deepEqual(hearRtsp([bytes]), found);
    });
    it(`${name}, byte by byte`, () => {
      assert.deepEqual(hearRtsp([...bytes].map((byte) => Buffer.of(byte))), found);
    });
    it(`${name}, cut anywhere`, () => {
      fc.assert(
        fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
          const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
          const pieces = at.slice(1).map((end, index) => Buffer.from(bytes.subarray(at[index], end)));
          assert.deepEqual(hearRtsp(pieces), found);
        }),
        { numRuns: 100 },
      );
    });
  }

  it('refuses a first line that is none', () => {
    assert.throws(() => hearRtsp([Buffer.from('GET / HTTP/1.1\r\n\r\n')]), refused('malformed'));
  });

  it('takes a mebibyte byte by byte: a reader that copied what it has each time would not end', () => {
    const length = 1 << 20;
    const bodies: Buffer[] = [];
    const frames: Buffer[] = [];
    const reader = new RtspReader(
      { headBytes: 1_024, bodyBytes: length },
      {
        onRequest: ({ body }) => bodies.push(body),
        onResponse: () => assert.fail(),
        onFrame: (_, bytes) => frames.push(bytes),
      },
    );
    const body = Buffer.from(Array.from({ length }, (_, index) => index % 251));
    const frame = Buffer.concat([Buffer.of(0x24, 3, 0xff, 0xff), body.subarray(0, 0xffff)]);
    const head = `ANNOUNCE rtsp://host/a RTSP/1.0\r\nContent-Length: ${length}\r\n\r\n`;
    const all = Buffer.concat([frame, Buffer.from(head), body, frame]);
    for (let at = 0; at < all.length; at += 1) reader.push(all.subarray(at, at + 1));
    assert.deepEqual(bodies, [body]);
    // Frames are views, and must not be written over by what comes behind them.
    assert.deepEqual(frames, [frame.subarray(4), frame.subarray(4)]);
  });

  it('refuses a head that does not end', () => {
    const endless = Buffer.alloc(rtspLimits.headBytes, 'a');
    assert.deepEqual(hearRtsp([endless]), []);
    assert.throws(() => hearRtsp([endless, Buffer.from('a')]), refused('too-large'));
  });

  it('refuses many headers, a header without a name, and a body beyond the limit', () => {
    const head = 'OPTIONS * RTSP/1.0\r\n';
    assert.equal(hearRtsp([Buffer.from(`${head}${'a: b\r\n'.repeat(64)}\r\n`)]).length, 1);
    assert.throws(() => hearRtsp([Buffer.from(`${head}${'a: b\r\n'.repeat(65)}\r\n`)]), refused('too-large'));
    assert.throws(() => hearRtsp([Buffer.from(`${head}: b\r\n\r\n`)]), refused('malformed'));
    assert.throws(() => hearRtsp([Buffer.from(`${head}Content-Length: 4097\r\n\r\n`)]), refused('too-large'));
    assert.throws(() => hearRtsp([Buffer.from(`${head}Content-Length: -1\r\n\r\n`)]), refused('malformed'));
  });

  it('reads what it writes, and a value cannot begin a line', () => {
    const bytes = Buffer.concat([
      formatRequest({ method: 'OPTIONS', url: '*' }, { CSeq: '1', Session: undefined, Require: ['a', 'b'] }),
      formatResponse({ status: 404, reason: 'Not\r\nFound' }, { CSeq: '1\r\nEvil: 1' }, Buffer.from('why')),
    ]);
    assert.deepEqual(hearRtsp([bytes]), [
      'OPTIONS * 1.0 cseq=1 require=a, b body=0',
      '404 Not Found 1.0 cseq=1 Evil: 1 content-length=3 body=3',
    ]);
  });
});

describe('Transport headers', () => {
  for (const { origin, header, offers } of transportVectors) {
    it(origin, () => {
      const read = readTransports(header);
      assert.equal(read.length, offers.length);
      for (const [index, offer] of offers.entries()) {
        for (const [key, value] of Object.entries(offer)) {
          assert.deepEqual(Object.entries(read[index] ?? {}).find(([name]) => name === key)?.[1], value, key);
        }
      }
    });
  }

  it('refuses ports and channels that cannot be', () => {
    assert.throws(() => readTransports('RTP/AVP;client_port=65535'), refused('malformed'));
    assert.throws(() => readTransports('RTP/AVP/TCP;interleaved=255-256'), refused('malformed'));
    assert.throws(() => readTransports('x'.repeat(4_097)), refused('too-large'));
  });
});
