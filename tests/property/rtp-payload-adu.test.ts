import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { aduPairs, packetizeAdu } from '../support/mp3-adus.ts';
import { PayloadFeed } from '../support/rtp-payloads.ts';

describe('property: MP3 as application data units', () => {
  it('become the frames that they were', () => {
    fc.assert(
      fc.property(aduPairs, fc.integer({ min: 60, max: 1_500 }), (pairs, most) => {
        const feed = new PayloadFeed('adu');
        pairs.forEach(({ unit }, index) => feed.unit(packetizeAdu(unit, most), index * 2_351));
        feed.lose(); // gives out what waits
        assert.deepEqual(
          feed.units,
          pairs.map(({ frame }, index) => ({ timestamp: index * 2_351, parts: [frame.toString('hex')] })),
        );
      }),
    );
  });

  it('become the same when many stand in one packet', () => {
    fc.assert(
      fc.property(aduPairs, (pairs) => {
        const feed = new PayloadFeed('adu');
        feed.payload(Buffer.concat(pairs.flatMap(({ unit }) => packetizeAdu(unit, 1e6))), 0, false);
        feed.lose();
        assert.deepEqual(
          feed.units.map(({ parts }) => parts),
          pairs.map(({ frame }) => [frame.toString('hex')]),
        );
      }),
    );
  });

  it('become the same frames or silence of the same length, whatever is lost', () => {
    fc.assert(
      fc.property(aduPairs, fc.infiniteStream(fc.nat(5)), (pairs, dice) => {
        const feed = new PayloadFeed('adu');
        const lost = pairs.map(() => dice.next().value === 0);
        pairs.forEach(({ unit }, index) => {
          if (lost[index] === true) return;
          if (lost[index - 1] === true) feed.lose();
          feed.unit(packetizeAdu(unit, 700), index * 2_351);
        });
        feed.lose();
        assert.equal(feed.units.length, lost.filter((gone) => !gone).length);
        for (const { timestamp, parts } of feed.units) {
          const { frame, unit } = pairs[timestamp / 2_351] ?? assert.fail('a frame that nobody sent');
          const got = Buffer.from(parts[0] ?? '', 'hex');
          assert.equal(got.length, frame.length);
          assert.deepEqual(got.subarray(0, 4), frame.subarray(0, 4));
          const sideAt = ((frame[1] ?? 0) & 1) === 0 ? 6 : 4;
          const side = got.subarray(sideAt, sideAt + 32);
          if (side.every((byte) => byte === 0)) continue; // it says that it has no main data
          assert.deepEqual(side, frame.subarray(sideAt, sideAt + 32));
          const data = unit.subarray(sideAt + 32);
          assert.deepEqual(mainDataOf(feed, timestamp).subarray(0, data.length), data);
        }
      }),
    );
  });
});

/** What a decoder finds in what came out as the main data of the frame at `timestamp`, and behind it. */
function mainDataOf(feed: PayloadFeed, timestamp: number): Buffer {
  const index = feed.units.findIndex((unit) => unit.timestamp === timestamp);
  const frames = feed.units.slice(0, index + 1).map(({ parts }) => Buffer.from(parts[0] ?? '', 'hex'));
  const sides = frames.map((frame) => (((frame[1] ?? 0) & 1) === 0 ? 6 : 4));
  const areas = frames.map((frame, at) => frame.subarray((sides[at] ?? 0) + 32));
  const all = Buffer.concat(areas);
  const back = (frames.at(-1) ?? all).readUInt16BE(sides.at(-1) ?? 0) >> 7;
  return all.subarray(all.length - (areas.at(-1)?.length ?? 0) - back);
}
