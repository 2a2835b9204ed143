import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { lostSequences, nackEntries } from '../../wire/rtcp/nack.ts';
import type { RtcpPacket } from '../../wire/rtcp/packet.ts';
import { readRtcp } from '../../wire/rtcp/reader.ts';
import { writeRtcp } from '../../wire/rtcp/writer.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.nat(0xffff);
const u8 = fc.nat(255);
const plain = { noNullPrototype: true };
const kind = <K extends string>(name: K) => fc.constant(name);

const reports = fc.array(
  fc.record(
    {
      ssrc: u32,
      fractionLost: u8,
      cumulativeLost: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
      highestSequence: u32,
      jitter: u32,
      lastSenderReport: u32,
      delaySinceLast: u32,
    },
    plain,
  ),
  { maxLength: 31 },
);
const text = fc.string({ maxLength: 80, unit: 'grapheme' }).filter((value) => Buffer.from(value).length < 256);
const items = fc.array(fc.record({ type: fc.integer({ min: 1, max: 255 }), text }, plain), { maxLength: 4 });
const chunks = fc.array(fc.record({ ssrc: u32, items }, plain), { maxLength: 31 });
const content = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes.subarray(0, bytes.length & ~3)));
const ntp = fc.record({ seconds: u32, fraction: u32 }, plain);
const deltas = fc.array(
  fc.oneof(fc.constant(undefined), fc.nat(255), fc.integer({ min: -0x8000, max: 0x7fff }), fc.constant(4)),
  { minLength: 1, maxLength: 60 },
);

const packets: fc.Arbitrary<RtcpPacket> = fc.oneof(
  fc.record(
    { kind: kind('sender-report'), ssrc: u32, ntp, rtpTimestamp: u32, packets: u32, octets: u32, reports },
    plain,
  ),
  fc.record({ kind: kind('receiver-report'), ssrc: u32, reports }, plain),
  fc.record({ kind: kind('source-description'), chunks }, plain),
  fc.record(
    { kind: kind('goodbye'), ssrcs: fc.array(u32, { maxLength: 31 }), reason: fc.option(text, { nil: undefined }) },
    plain,
  ),
  fc.record(
    { kind: kind('application'), ssrc: u32, subtype: fc.nat(31), name: fc.stringMatching(/^[a-zA-Z]{4}$/), content },
    plain,
  ),
  fc.record(
    {
      kind: kind('nack'),
      senderSsrc: u32,
      mediaSsrc: u32,
      entries: fc.array(fc.record({ sequence: u16, mask: u16 }, plain), { maxLength: 256 }),
    },
    plain,
  ),
  fc.record({ kind: kind('picture-loss'), senderSsrc: u32, mediaSsrc: u32 }, plain),
  fc.record(
    {
      kind: kind('full-intra-request'),
      senderSsrc: u32,
      requests: fc.array(fc.record({ ssrc: u32, sequence: u8 }, plain), { maxLength: 256 }),
    },
    plain,
  ),
  fc.record(
    {
      kind: kind('bitrate-estimate'),
      senderSsrc: u32,
      bitrate: fc.tuple(fc.nat(0x3ffff), fc.nat(35)).map(([mantissa, exponent]) => mantissa * 2 ** exponent),
      ssrcs: fc.array(u32, { maxLength: 255 }),
    },
    plain,
  ),
  fc.record(
    {
      kind: kind('transport-feedback'),
      senderSsrc: u32,
      mediaSsrc: u32,
      baseSequence: u16,
      referenceTime: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
      feedbackCount: u8,
      deltas,
    },
    plain,
  ),
);

describe('property: RTCP', () => {
  it('a compound that is written is read the same', () => {
    fc.assert(
      fc.property(fc.array(packets, { minLength: 1, maxLength: 6 }), (compound) => {
        assert.deepEqual(readRtcp(writeRtcp(compound)), { packets: compound, skipped: 0 });
      }),
    );
  });

  it('NACK entries name what they were made of', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 200 });
    fc.assert(
      fc.property(u16, gaps, (first, steps) => {
        const lost = [first];
        for (const step of steps) lost.push(((lost.at(-1) ?? 0) + step) & 0xffff);
        assert.deepEqual(lostSequences(nackEntries(lost)), lost);
      }),
    );
  });
});
