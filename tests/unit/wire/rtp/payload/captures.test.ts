import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { PayloadFeed } from '../../../../support/rtp-payloads.ts';
import { audioCaptures } from '../../../../vectors/rtp/payload-audio.ts';
import { mpeg4Captures } from '../../../../vectors/rtp/payload-mpeg4.ts';
import { nalCaptures } from '../../../../vectors/rtp/payload-nal.ts';
import { vpCaptures } from '../../../../vectors/rtp/payload-vp.ts';

function sumOf(part: string): string {
  return createHash('sha256').update(Buffer.from(part, 'hex')).digest('hex').slice(0, 16);
}

describe('RTP payloads of foreign senders', () => {
  for (const { name, format, packets, units } of [...vpCaptures, ...nalCaptures, ...mpeg4Captures, ...audioCaptures]) {
    const all = packets.map((packet) => Buffer.from(packet, 'hex'));
    const first = all[0]?.readUInt32BE(4) ?? 0;

    it(`${name}: each unit as its encoder made it`, () => {
      const feed = new PayloadFeed(format);
      for (const packet of all) feed.packet(packet, packet.readUInt32BE(4) - first);
      assert.deepEqual(
        feed.units.map(({ timestamp, parts }) => ({ ticks: timestamp, sums: parts.map(sumOf) })),
        units,
      );
      assert.ok(feed.answers.every((whole) => whole));
    });

    it(`${name}: without any one packet, no unit but these`, () => {
      // A key frame without the parameter sets before it is one whose sets stand in the description: they may be missing.
      const mayLackSets = format === 'h264' || format === 'h265';
      const fits = (ticks: number, sums: readonly string[]): boolean => {
        const unit = units.find((one) => one.ticks === ticks)?.sums ?? [];
        return mayLackSets ? unit.join().endsWith(sums.join()) : unit.join() === sums.join();
      };
      for (let missing = 0; missing < all.length; missing += 1) {
        const feed = new PayloadFeed(format);
        all.forEach((packet, index) => {
          if (index === missing) feed.lose();
          else feed.packet(packet, packet.readUInt32BE(4) - first);
        });
        const complete = feed.units.filter(({ timestamp, parts }) => fits(timestamp, parts.map(sumOf)));
        assert.deepEqual(complete, feed.units);
        const parts = feed.units.reduce((sum, unit) => sum + unit.parts.length, 0);
        assert.ok(parts < units.reduce((sum, unit) => sum + unit.sums.length, 0));
      }
    });
  }
});
