import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { WireError, type WireErrorCode } from '../../../../wire/errors.ts';
import {
  answerClientHello,
  answerServerHello,
  clientHello,
  handshakeBlock,
  serverHelloLength,
} from '../../../../wire/rtmp/handshake.ts';
import { rtmpCaptures } from '../../../vectors/rtmp/vectors.ts';

function seed(time: number, first: number) {
  return { time, random: Buffer.from(Array.from({ length: 1528 }, (_, i) => (first + i * 7) & 0xff)) };
}

function refuses(run: () => unknown, code: WireErrorCode): void {
  assert.throws(run, (error) => error instanceof WireError && error.code === code);
}

describe('RTMP handshake', () => {
  it('answers a simple hello with an echo', () => {
    const hello = clientHello(seed(5, 1));
    assert.equal(hello.bytes.length, 1537);
    assert.equal(hello.bytes.readUInt32BE(5), 0);
    const answer = answerClientHello(hello.bytes, seed(9, 2));
    assert.equal(answer.scheme, undefined);
    assert.equal(answer.bytes.length, serverHelloLength);
    assert.equal(answer.bytes[0], 3);
    const s2 = answer.bytes.subarray(1 + handshakeBlock);
    assert.equal(s2.readUInt32BE(0), 5); // the client's time
    assert.equal(s2.readUInt32BE(4), 9); // when it was read
    assert.deepEqual(s2.subarray(8), hello.bytes.subarray(9));
    const c2 = answerServerHello(answer.bytes, hello, seed(11, 3));
    assert.equal(c2.verified, false);
    assert.equal(c2.bytes.readUInt32BE(0), 9);
    assert.equal(c2.bytes.readUInt32BE(4), 11);
    assert.deepEqual(c2.bytes.subarray(8), answer.bytes.subarray(9, 1537));
  });

  for (const scheme of ['digest-first', 'key-first'] as const) {
    it(`proves both sides to each other, ${scheme}`, () => {
      for (let first = 0; first < 64; first += 1) {
        const hello = clientHello(seed(first, first * 3), scheme);
        const answer = answerClientHello(hello.bytes, seed(9, first));
        assert.equal(answer.scheme, scheme);
        assert.equal(answerServerHello(answer.bytes, hello, seed(11, 3)).verified, true);
        answer.bytes.writeUInt8((answer.bytes[2000] ?? 0) ^ 1, 2000);
        assert.equal(answerServerHello(answer.bytes, hello, seed(11, 3)).verified, false);
      }
    });
  }

  it('falls back to the simple handshake when either side has no digest', () => {
    const hello = clientHello(seed(5, 1), 'digest-first');
    const spoilt = Buffer.from(hello.bytes);
    spoilt.writeUInt8((spoilt[1536] ?? 0) ^ 1, 1536);
    const answer = answerClientHello(spoilt, seed(9, 2));
    assert.equal(answer.scheme, undefined);
    assert.equal(answerServerHello(answer.bytes, hello, seed(11, 3)).verified, false);
  });

  for (const capture of rtmpCaptures) {
    it(`recognizes the hello when ${capture.name}`, () => {
      const answer = answerClientHello(Buffer.from(capture.hello, 'base64'), seed(9, 2));
      assert.equal(answer.scheme ?? null, capture.scheme);
    });
  }

  it('refuses what is not plain RTMP', () => {
    const hello = clientHello(seed(5, 1));
    refuses(() => answerClientHello(hello.bytes.subarray(0, 1536), seed(9, 2)), 'truncated');
    refuses(() => answerServerHello(Buffer.alloc(3072, 3), hello, seed(9, 2)), 'truncated');
    hello.bytes[0] = 6;
    refuses(() => answerClientHello(hello.bytes, seed(9, 2)), 'unsupported');
    hello.bytes[0] = 0x47; // GET
    refuses(() => answerClientHello(hello.bytes, seed(9, 2)), 'malformed');
  });
});
