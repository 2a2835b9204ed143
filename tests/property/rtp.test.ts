import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { extensionsLength, listExtensions, writeExtensions } from '../../wire/rtp/extensions.ts';
import { RtpPacket, readRtpPacket, rtpHeaderLength, writeRtpHeader } from '../../wire/rtp/packet.ts';
import { unwrapSequence, unwrapTimestamp } from '../../wire/rtp/sequence.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const headers = fc.record(
  {
    marker: fc.boolean(),
    payloadType: fc.nat(127),
    sequence: fc.nat(0xffff),
    timestamp: fc.integer({ min: 0, max: 0xffff_ffff }),
    ssrc: fc.integer({ min: 0, max: 0xffff_ffff }),
  },
  { noNullPrototype: true },
);
const element = fc.record({ id: fc.integer({ min: 1, max: 20 }), value: bytes(20) }, { noNullPrototype: true });
const extensions = fc.array(element, { maxLength: 6 });

describe('property: RTP', () => {
  it('a header that is written is read the same', () => {
    fc.assert(
      fc.property(headers, extensions, bytes(50), (header, elements, payload) => {
        const target = Buffer.alloc(rtpHeaderLength + extensionsLength(elements) + payload.length, 0xee);
        let at = writeRtpHeader(target, 0, header, elements.length > 0);
        at = writeExtensions(target, at, elements);
        payload.copy(target, at);
        const packet = new RtpPacket();
        assert.ok(readRtpPacket(target, packet));
        const { marker, payloadType, sequence, timestamp, ssrc } = packet;
        assert.deepEqual({ marker, payloadType, sequence, timestamp, ssrc }, header);
        assert.deepEqual(listExtensions(packet), elements);
        assert.deepEqual(packet.payload(), payload);
      }),
    );
  });

  it('a count that moves less than half a turn at a time is unwrapped exactly', () => {
    const steps = fc.array(fc.integer({ min: -0x7fff, max: 0x7fff }), { maxLength: 100 });
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e9 }), steps, (start, moves) => {
        let sequence = start;
        let timestamp = start * 1000;
        let unwrapped = start;
        let unwrappedTimestamp = timestamp;
        for (const move of moves) {
          sequence += move;
          timestamp += move * 0xffff;
          unwrapped = unwrapSequence(unwrapped, sequence & 0xffff);
          unwrappedTimestamp = unwrapTimestamp(unwrappedTimestamp, timestamp >>> 0);
          assert.equal(unwrapped, sequence);
          assert.equal(unwrappedTimestamp, timestamp);
        }
      }),
    );
  });
});
