import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { lostSequences } from '../../wire/rtcp/nack.ts';
import { maxRtcpPackets, readRtcp } from '../../wire/rtcp/reader.ts';
import { maxFeedbackStatuses } from '../../wire/rtcp/transport-feedback.ts';
import { writeRtcp } from '../../wire/rtcp/writer.ts';
import { rtcpVectors } from '../vectors/rtcp/vectors.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260805);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 3000);

function read(bytes: Buffer): void {
  try {
    const { packets, skipped } = readRtcp(bytes);
    assert.ok(packets.length + skipped <= maxRtcpPackets);
    for (const packet of packets) {
      if (packet.kind === 'nack') lostSequences(packet.entries);
      if (packet.kind === 'bitrate-estimate') assert.ok(Number.isSafeInteger(packet.bitrate));
      if (packet.kind === 'transport-feedback') {
        assert.ok(packet.deltas.length <= maxFeedbackStatuses);
        if (packet.deltas.length === 0) continue;
      }
      // APP names and SDES texts need not be what a writer would write: read and written, they stay the same.
      if (packet.kind === 'source-description' || packet.kind === 'goodbye') continue;
      assert.deepEqual(readRtcp(writeRtcp([packet])), { packets: [packet], skipped: 0 });
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

/** Right headers, any inside: most random bytes do not get past the headers. */
const packet = fc
  .tuple(fc.nat(31), fc.integer({ min: 199, max: 208 }), fc.uint8Array({ maxLength: 60 }))
  .map(([count, type, body]) => {
    const words = body.length >> 2;
    return Buffer.concat([Buffer.of(0x80 | count, type, 0, words), body.subarray(0, words * 4)]);
  });

describe(`fuzz: RTCP (seed ${seed})`, () => {
  it('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => read(Buffer.from(bytes))),
      { seed, numRuns },
    );
  });

  it('packets of nonsense', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 6 }), (packets) => read(Buffer.concat(packets))),
      { seed, numRuns },
    );
  });

  it('compounds that were valid once', () => {
    fc.assert(fc.property(mutated(rtcpVectors.map((vector) => vector.bytes)), read), { seed, numRuns });
  });
});
