import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { readTelephoneEvents, writeTelephoneEvents } from '../../wire/rtp/payload/telephone-event.ts';
import { readVp8Descriptor, writeVp8Descriptor } from '../../wire/rtp/payload/vp8.ts';
import { joinVp9Frames, splitVp9Superframe } from '../../wire/rtp/payload/vp9-superframe.ts';
import { payloadRows } from '../support/rtp-payload-units.ts';
import { PayloadFeed } from '../support/rtp-payloads.ts';

const plain = { noNullPrototype: true } as const;
const mostBytes = fc.integer({ min: 60, max: 1_500 });

function hex(parts: readonly Buffer[]): readonly string[] {
  return parts.map((part) => part.toString('hex'));
}

describe('property: RTP payloads', () => {
  for (const { format, unit, packetize } of payloadRows) {
    it(`${format}: what is packetized comes out again, and fits`, () => {
      fc.assert(
        fc.property(fc.array(unit, { minLength: 1, maxLength: 4 }), mostBytes, (units, most) => {
          const feed = new PayloadFeed(format);
          units.forEach((parts, index) => {
            const payloads = packetize(parts, most);
            for (const { length } of payloads) assert.ok(length > 0 && length <= most);
            feed.unit(payloads, index * 3_000);
          });
          assert.deepEqual(
            feed.units,
            units.map((parts, index) => ({ timestamp: index * 3_000, parts: hex(parts) })),
          );
          assert.ok(feed.answers.every((whole) => whole));
        }),
      );
    });

    it(`${format}: whatever packets are lost, no unit is broken`, () => {
      fc.assert(
        fc.property(
          fc.array(unit, { minLength: 2, maxLength: 6 }),
          fc.integer({ min: 60, max: 400 }),
          fc.infiniteStream(fc.nat(9)),
          (units, most, dice) => {
            const feed = new PayloadFeed(format);
            const sent = units.map((parts) => packetize(parts, most));
            let lost = false;
            sent.forEach((payloads, index) => {
              payloads.forEach((payload, at) => {
                if (dice.next().value === 0) {
                  lost = true;
                  return;
                }
                if (lost) feed.lose();
                lost = false;
                feed.payload(payload, index * 3_000, at === payloads.length - 1);
              });
            });
            for (const { timestamp, parts } of feed.units) {
              assert.deepEqual(parts, hex(units[timestamp / 3_000] ?? []));
            }
          },
        ),
      );
    });
  }

  it('VP8 descriptors: what is written is read', () => {
    const option = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
      fc.option(arbitrary, { nil: undefined });
    const descriptor = fc.record(
      {
        nonReference: fc.boolean(),
        start: fc.boolean(),
        partition: fc.nat(7),
        pictureId: option(fc.nat(0x7fff)),
        baseLayer: option(fc.nat(255)),
        layer: option(fc.record({ temporal: fc.nat(3), sync: fc.boolean() }, plain)),
        keyIndex: option(fc.nat(31)),
      },
      plain,
    );
    fc.assert(
      fc.property(descriptor, fc.uint8Array({ maxLength: 5 }), (value, frame) => {
        const written = writeVp8Descriptor(value);
        const read = readVp8Descriptor(Buffer.concat([written, frame]));
        assert.deepEqual(read, { descriptor: value, length: written.length });
      }),
    );
  });

  it('VP9 superframes: what is joined is split again', () => {
    const frame = fc.uint8Array({ minLength: 1, maxLength: 600 }).map((bytes) => {
      bytes[bytes.length - 1] = 0x7f; // a frame never ends like an index
      return Buffer.from(bytes);
    });
    fc.assert(
      fc.property(fc.array(frame, { minLength: 2, maxLength: 8 }), (frames) => {
        assert.deepEqual(hex(splitVp9Superframe(joinVp9Frames(frames))), hex(frames));
        const nested = joinVp9Frames([joinVp9Frames(frames.slice(0, -1)), frames.at(-1) as Buffer]);
        assert.deepEqual(nested, joinVp9Frames(frames));
      }),
    );
  });

  it('telephone events: what is written is read', () => {
    const event = fc.record(
      {
        event: fc.nat(255),
        end: fc.boolean(),
        volume: fc.nat(63),
        duration: fc.nat(0xffff),
      },
      plain,
    );
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 16 }), (events) => {
        assert.deepEqual(readTelephoneEvents(writeTelephoneEvents(events)), events);
      }),
    );
  });
});
