import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { WireError } from '../../../../../wire/errors.ts';
import { packetizeAv1 } from '../../../../../wire/rtp/payload/av1-packetizer.ts';
import { packetizeVp8, plainVp8 } from '../../../../../wire/rtp/payload/vp8.ts';
import { packetizeVp9 } from '../../../../../wire/rtp/payload/vp9.ts';
import { joinVp9Frames } from '../../../../../wire/rtp/payload/vp9-superframe.ts';
import { PayloadFeed } from '../../../../support/rtp-payloads.ts';
import { av1Units } from '../../../../vectors/rtp/payload-descriptors.ts';

function hex(...parts: readonly string[]): Buffer[] {
  return parts.map((part) => Buffer.from(part, 'hex'));
}

describe('wire/rtp pictures', () => {
  it('gives up a picture that is too long or comes in too many packets, and takes the next', () => {
    for (const limits of [
      { unitPackets: 3, unitBytes: 1_000 },
      { unitPackets: 100, unitBytes: 35 },
    ]) {
      const feed = new PayloadFeed('vp8', limits);
      feed.unit(packetizeVp8(Buffer.alloc(36, 1), 10), 1);
      feed.unit(packetizeVp8(Buffer.alloc(9, 2), 10), 2);
      assert.deepEqual(
        feed.units.map(({ timestamp }) => timestamp),
        [2],
      );
      assert.deepEqual(feed.answers, [true, true, true, false, true]);
    }
  });

  it('ends a picture at another timestamp, and tells when it was not whole', () => {
    const feed = new PayloadFeed('h264');
    const [start, , end] = hex('7c8588', '7c0500', '7c4501') as [Buffer, Buffer, Buffer];
    feed.payload(start, 1, false);
    feed.payload(end, 1, false);
    feed.payload(start, 2, false);
    feed.payload(Buffer.from('6588', 'hex'), 3, true);
    assert.deepEqual(feed.answers, [true, true, true, false]);
    assert.deepEqual(
      feed.units.map(({ timestamp, parts }) => [timestamp, parts]),
      [
        [1, ['658801']],
        [3, ['6588']],
      ],
    );
  });

  it('reads no interleaved H.264 and no PACI, and ignores reserved types', () => {
    for (const [format, payload] of [
      ['h264', '1900010001'],
      ['h264', '7d850001'],
      ['h265', '6401000102'],
    ] as const) {
      assert.throws(() => new PayloadFeed(format).payload(Buffer.from(payload, 'hex'), 0, true), WireError);
    }
    const feed = new PayloadFeed('h264');
    feed.payload(Buffer.from('1f00', 'hex'), 0, false);
    feed.payload(Buffer.from('6588', 'hex'), 0, true);
    assert.deepEqual(feed.units, [{ timestamp: 0, parts: ['6588'] }]);
  });

  it('VP8: a picture id goes with every packet of its picture', () => {
    const payloads = packetizeVp8(Buffer.alloc(30, 7), 20, { ...plainVp8, pictureId: 0x1234, baseLayer: 9 });
    assert.deepEqual(
      payloads.map((payload) => payload.toString('hex', 0, 5)),
      ['90c0923409', '80c0923409'],
    );
    const feed = new PayloadFeed('vp8');
    feed.unit(payloads, 0);
    assert.deepEqual(feed.units[0]?.parts, ['07'.repeat(30)]);
  });

  it('VP9: says which pictures refer to no other', () => {
    const flags = (keyframe: boolean): number[] =>
      packetizeVp9(Buffer.alloc(30), keyframe, 16).map(([first = 0]) => first);
    assert.deepEqual(flags(true), [0x08, 0x04]);
    assert.deepEqual(flags(false), [0x48, 0x44]);
    const [first, second] = packetizeVp9(Buffer.alloc(20, 0x82), true, 16, { width: 640, height: 360 });
    assert.equal(first?.toString('hex', 0, 7), '0a100280016882');
    assert.equal(second?.toString('hex', 0, 2), '0482');
  });

  it('VP9: the layers of a picture become a superframe, and without one of them nothing', () => {
    // Flexible, I and L: two layers of one picture, the second in two packets.
    const [base, first, second] = hex('bc0500aaaa', 'b80503bb', 'b40503bbcc') as [Buffer, Buffer, Buffer];
    const feed = new PayloadFeed('vp9');
    feed.unit([base, first, second], 1);
    assert.equal(feed.units[0]?.parts[0], joinVp9Frames(hex('aaaa', 'bbbbcc')).toString('hex'));
    assert.equal(feed.units[0]?.parts[0], 'aaaabbbbccc10203c1');
    feed.lose();
    feed.payload(first, 2, false); // the base layer was lost
    feed.payload(second, 2, true);
    assert.equal(feed.units.length, 1);
    feed.payload(base, 3, false);
    feed.payload(second, 3, true); // no beginning
    assert.equal(feed.units.length, 1);
    assert.equal(feed.answers.at(-1), false);
  });

  for (const { name, payloads, obus } of av1Units) {
    it(`AV1: ${name}`, () => {
      const feed = new PayloadFeed('av1');
      feed.unit(hex(...payloads), 0);
      assert.deepEqual(feed.units, [{ timestamp: 0, parts: obus }]);
    });
  }

  it('AV1: refuses elements that are cut off or missing', () => {
    for (const payload of ['', '2005aa', '20', '300130', '1080', '0880808080808080808001', '10b0']) {
      const feed = new PayloadFeed('av1');
      assert.throws(() => {
        feed.payload(Buffer.from(payload, 'hex'), 0, true);
        if (feed.units.length === 0) throw new WireError('malformed', 'test', 'nothing came of it');
      }, WireError);
      assert.deepEqual(feed.units, []);
    }
  });

  it('AV1: takes nothing after a loss before a sequence begins', () => {
    const feed = new PayloadFeed('av1');
    feed.lose();
    feed.unit(hex('103001'), 1);
    feed.unit(hex('103002'), 2);
    assert.deepEqual(
      feed.units.map(({ timestamp }) => timestamp),
      [2], // a packet of another picture came in between: nothing is missing there, and it is for the reader of units to wait
    );
    feed.lose();
    feed.unit(hex('1808aa'), 3);
    feed.lose();
    feed.unit(hex('20' + '0208aa' + '3001'), 4);
    assert.deepEqual(
      feed.units.map(({ timestamp }) => timestamp),
      [2, 3, 4],
    );
  });

  it('AV1: writes the aggregation header, splits layers, and leaves out what need not go', () => {
    const sent = (obus: readonly string[], sequence: boolean, most: number): string[] =>
      packetizeAv1(hex(...obus), sequence, most).map((payload) => payload.toString('hex'));
    assert.deepEqual(sent(['1200', '08aa', '32021122', '7800'], true, 100), ['28' + '0208aa' + '301122']);
    assert.deepEqual(sent(['3001', '2802', '2003', '2004'], false, 100), [
      '00' + '023001' + '022802' + '022003' + '022004',
    ]);
    assert.deepEqual(sent(['340077', '340877'], false, 100), ['10340077', '10340877']);
    assert.deepEqual(sent(['300102030405060708'], false, 6), ['5030010203', 'd004050607', '9008']);
  });
});
