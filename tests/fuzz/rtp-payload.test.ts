import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { packetizeAac } from '../../wire/rtp/payload/aac-packetizer.ts';
import { packetizeAv1 } from '../../wire/rtp/payload/av1-packetizer.ts';
import { readStreamMuxConfig } from '../../wire/rtp/payload/latm.ts';
import { packetizeMpegAudio } from '../../wire/rtp/payload/mpeg-audio.ts';
import { packetizeH264, packetizeH265 } from '../../wire/rtp/payload/nal-packetizer.ts';
import { readTelephoneEvents } from '../../wire/rtp/payload/telephone-event.ts';
import { packetizeVp8, readVp8Descriptor } from '../../wire/rtp/payload/vp8.ts';
import { packetizeVp9 } from '../../wire/rtp/payload/vp9.ts';
import { readVp9Descriptor, vp9DescriptorLength } from '../../wire/rtp/payload/vp9-descriptor.ts';
import { joinVp9Frames, splitVp9Superframe } from '../../wire/rtp/payload/vp9-superframe.ts';
import { depacketizers, PayloadFeed } from '../support/rtp-payloads.ts';
import { audioCaptures } from '../vectors/rtp/payload-audio.ts';
import { av1Units } from '../vectors/rtp/payload-descriptors.ts';
import { mpeg4Captures } from '../vectors/rtp/payload-mpeg4.ts';
import { nalCaptures } from '../vectors/rtp/payload-nal.ts';
import { vpCaptures } from '../vectors/rtp/payload-vp.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260821);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);

const limits = { unitPackets: 12, unitBytes: 4_000 };
/** A packet may hold frames, and each is at most so long; what goes over packets is bound by the limits or by its own. */
const longestUnit = 66_000;

const captured = [...vpCaptures, ...nalCaptures, ...mpeg4Captures, ...audioCaptures];
const av1Payloads = av1Units.flatMap(({ payloads }) => payloads.map((payload) => Buffer.from(payload, 'hex')));
const aduPayload = Buffer.concat([Buffer.from('4062fffb106400000000', 'hex'), Buffer.alloc(90)]);

function seedsOf(format: string): readonly Buffer[] {
  const of = format === 'latm2' ? 'latm' : format;
  const payloads = captured
    .filter((capture) => capture.format === of)
    .flatMap(({ packets }) => packets.map((packet) => Buffer.from(packet, 'hex').subarray(12)));
  if (payloads.length > 0) return payloads;
  return format === 'av1' ? av1Payloads : format === 'adu' ? [aduPayload] : [Buffer.alloc(20, 1), Buffer.alloc(22, 1)];
}

/** What a source may do: another payload at the same or another time, with or without a marker, or a loss before it. */
function steps(payload: fc.Arbitrary<Buffer>): fc.Arbitrary<Step[]> {
  const step = fc.record({ payload, later: fc.boolean(), marker: fc.boolean(), loss: fc.nat(9) });
  return fc.array(step, { maxLength: 30 });
}

interface Step {
  readonly payload: Buffer;
  readonly later: boolean;
  readonly marker: boolean;
  readonly loss: number;
}

function attempt(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

function play(format: string, source: readonly Step[]): void {
  const feed = new PayloadFeed(format, limits);
  let timestamp = 0;
  let taken = 0;
  for (const { payload, later, marker, loss } of source) {
    if (loss === 0) feed.lose();
    if (later) timestamp += 3_000;
    taken += payload.length;
    attempt(() => feed.payload(payload, timestamp, marker));
  }
  feed.lose();
  let given = 0;
  for (const { parts } of feed.units) {
    const length = parts.reduce((sum, part) => sum + part.length / 2, 0);
    assert.ok(length > 0 && length <= longestUnit, `a unit of ${length} bytes`);
    given += length;
  }
  // Nothing comes of nothing: a superframe gets an index, a fragment its header, and an ADU its whole frame, however short it is.
  const bound = format === 'adu' ? 60 * taken + 3_000 : 3 * taken + 34 * source.length;
  assert.ok(given <= bound, `${given} bytes of ${taken}`);
}

const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

describe(`fuzz: RTP payloads (seed ${seed})`, () => {
  for (const format of Object.keys(depacketizers)) {
    it(`${format}: random bytes`, () => {
      fc.assert(
        fc.property(steps(random), (source) => play(format, source)),
        { seed, numRuns },
      );
    });

    it(`${format}: payloads that were valid once`, () => {
      fc.assert(
        fc.property(steps(mutated(seedsOf(format))), (source) => play(format, source)),
        { seed, numRuns },
      );
    });
  }

  it('descriptors, events, superframes and configurations', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (array) => {
        const bytes = Buffer.from(array);
        attempt(() => assert.ok(readVp8Descriptor(bytes).length <= bytes.length));
        attempt(() => assert.equal(readVp9Descriptor(bytes).length, vp9DescriptorLength(bytes)));
        attempt(() => assert.ok(readTelephoneEvents(bytes).length <= 16));
        attempt(() => assert.ok(readStreamMuxConfig(bytes).frames <= 64));
        const frames = splitVp9Superframe(bytes);
        assert.ok(frames.reduce((sum, { length }) => sum + length, 0) <= bytes.length);
        attempt(() => joinVp9Frames([bytes, bytes]));
      }),
      { seed, numRuns: numRuns * 10 },
    );
  });

  it('whatever a unit holds, its payloads fit', () => {
    const parts = fc.array(
      fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(parts, fc.integer({ min: 12, max: 200 }), fc.boolean(), (unit, most, first) => {
        const frame = unit[0] ?? Buffer.alloc(0);
        const makers = [
          () => packetizeH264(unit, most),
          () => packetizeH265(unit, most),
          () => packetizeVp8(frame, most),
          () => packetizeVp9(frame, first, most),
          () => packetizeAac(frame, most),
          () => packetizeMpegAudio(frame, most),
          () => packetizeAv1(unit, first, most),
        ];
        for (const make of makers)
          attempt(() => make().forEach(({ length }) => assert.ok(length > 0 && length <= most)));
      }),
      { seed, numRuns },
    );
  });
});
