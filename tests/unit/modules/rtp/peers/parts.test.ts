import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Micros, micros, millis, seconds } from '../../../../../core/time/micros.ts';
import { ArrivalLog } from '../../../../../modules/rtp/peers/arrival-log.ts';
import { extensionIds, extensionUri } from '../../../../../modules/rtp/peers/header-extensions.ts';
import { MissingPackets } from '../../../../../modules/rtp/peers/missing-packets.ts';
import { OutgoingHeader } from '../../../../../modules/rtp/peers/outgoing-header.ts';
import { PacketHistory } from '../../../../../modules/rtp/peers/packet-history.ts';
import { restoreOriginal } from '../../../../../modules/rtp/peers/retransmission.ts';
import { SendBudget } from '../../../../../modules/rtp/peers/send-budget.ts';
import { unixFromNtp } from '../../../../../wire/rtcp/ntp.ts';
import { readRtcp } from '../../../../../wire/rtcp/reader.ts';
import type { TransportFeedback } from '../../../../../wire/rtcp/transport-feedback.ts';
import { writeRtcp } from '../../../../../wire/rtcp/writer.ts';
import { findExtensionNumber, listExtensions } from '../../../../../wire/rtp/extensions.ts';
import { RtpPacket, readRtpPacket } from '../../../../../wire/rtp/packet.ts';
import { unwrapSequence } from '../../../../../wire/rtp/sequence.ts';

function idsFrom(first: number) {
  const names = ['mid', 'sendTime', 'transportSequence', 'playoutDelay', 'captureTime'] as const;
  return extensionIds({ extensions: new Map(names.map((name, index) => [extensionUri[name], first + index])) });
}

describe('modules/rtp peers: parts', () => {
  for (const [form, first] of [
    ['one-byte', 1],
    ['two-byte', 14],
  ] as const) {
    it(`writes headers with ${form} extensions that read as they were meant`, () => {
      const header = new OutgoingHeader(idsFrom(first), 'video0');
      header.marker = true;
      header.payloadType = 96;
      header.sequence = 70_000;
      header.timestamp = 2 ** 33 + 5;
      header.ssrc = 0xfedcba98;
      header.withDelay = true;
      header.capturedAt = micros(1_700_000_000_123_456);
      const length = header.write(seconds(65.5), 65_537);
      assert.ok(length + 2 <= header.longest);
      const packet = new RtpPacket();
      assert.ok(readRtpPacket(header.bytes.subarray(0, length), packet));
      assert.equal(packet.payloadStart, packet.payloadEnd);
      assert.deepEqual(
        [packet.sequence, packet.timestamp, packet.ssrc, packet.marker],
        [70_000 & 0xffff, 5, 0xfedcba98, true],
      );
      const found = new Map(listExtensions(packet).map(({ id, value }) => [id - first, value]));
      assert.equal(found.get(0)?.toString(), 'video0');
      assert.equal(found.get(1)?.readUIntBE(0, 3), 1.5 * 2 ** 18, '65.5 s modulo 64 s in 2^-18 s');
      assert.equal(findExtensionNumber(packet, first + 2, 2), 1);
      assert.equal((found.get(3)?.readUIntBE(0, 3) ?? -1) >> 12, 0);
      const captured = found.get(4);
      const ntp = { seconds: captured?.readUInt32BE(0) ?? 0, fraction: captured?.readUInt32BE(4) ?? 0 };
      assert.ok(Math.abs(unixFromNtp(ntp) - 1_700_000_000_123_456) <= 1);
      header.withMid = false;
      header.withDelay = false;
      header.capturedAt = undefined;
      assert.ok(header.write(seconds(1), 2) < length);
    });
  }

  it('writes plain headers where nothing was agreed', () => {
    const header = new OutgoingHeader(extensionIds({ extensions: new Map() }), 'v');
    assert.equal(header.write(seconds(1), 2), 12);
  });

  it('keeps what was sent within its bounds, and finds it by its number', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ size: fc.integer({ min: 1, max: 1_200 }), pause: fc.nat(40_000) }), { maxLength: 300 }),
        (packets) => {
          const history = new PacketHistory({ capacity: 64, age: seconds(1), bytes: 20_000 });
          let now = 0;
          const times: number[] = [];
          packets.forEach(({ size, pause }, index) => {
            now += pause;
            times.push(now);
            history.keep(65_500 + index, index, 96, Buffer.alloc(size, index), now as Micros);
            assert.ok(history.bytes <= 20_000);
          });
          let kept = 0;
          packets.forEach(({ size }, index) => {
            const place = history.find((65_500 + index) & 0xffff);
            if (place < 0) return;
            kept += size;
            assert.equal(history.payloadAt(place)?.length, size);
            assert.equal(history.timestampAt(place), index);
            assert.equal(history.sequenceAt(place), 65_500 + index);
            assert.ok(packets.length - index <= 64 && now - (times[index] ?? 0) <= 1_000_000);
          });
          assert.equal(kept, history.bytes);
          if (packets.length > 0) assert.ok(history.find((65_500 + packets.length - 1) & 0xffff) >= 0);
        },
      ),
    );
  });

  it('tells of every arrival, once or more, to a quarter of a millisecond', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_535 }),
        fc.array(fc.record({ skip: fc.integer({ min: 0, max: 30 }), pause: fc.nat(90_000), tell: fc.boolean() }), {
          maxLength: 200,
        }),
        (first, arrivals) => {
          const log = new ArrivalLog();
          const told = new Map<number, number>();
          const came = new Map<number, number>();
          let sequence = first;
          let now = 1_000_000;
          const collect = (): void => {
            for (let feedback = log.feedback(1, 2); feedback !== undefined; feedback = log.feedback(1, 2)) {
              const [read] = readRtcp(writeRtcp([feedback])).packets as [TransportFeedback];
              let at = read.referenceTime * 64_000;
              read.deltas.forEach((delta, index) => {
                if (delta === undefined) return;
                at += delta * 250;
                told.set(unwrapSequence(sequence, (read.baseSequence + index) & 0xffff), at);
              });
            }
          };
          for (const { skip, pause, tell } of arrivals) {
            sequence += 1 + skip;
            now += pause;
            log.note(sequence & 0xffff, now as Micros);
            came.set(sequence, now);
            if (tell) collect();
          }
          collect();
          assert.deepEqual(
            [...told.keys()].sort((a, b) => a - b),
            [...came.keys()],
          );
          for (const [number, at] of came) assert.ok(Math.abs((told.get(number) ?? 0) - at) <= 125);
          assert.equal(log.feedback(1, 2), undefined);
        },
      ),
    );
  });

  it('tells of packets that come late, and of no end of nothing after a leap', () => {
    const log = new ArrivalLog();
    for (const sequence of [10, 11, 13]) log.note(sequence, millis(sequence));
    assert.deepEqual(
      log.feedback(1, 2)?.deltas.map((delta) => delta !== undefined),
      [true, true, false, true],
    );
    log.note(12, millis(20));
    assert.equal(log.feedback(1, 2)?.baseSequence, 12);
    log.note(20_000, millis(30));
    let feedbacks = 0;
    while (log.feedback(1, 2) !== undefined) feedbacks += 1;
    assert.equal(feedbacks, 1);
    for (let sequence = 60_000; sequence < 60_030; sequence += 1) log.note(sequence, millis(sequence));
    assert.ok((log.feedback(1, 2)?.baseSequence ?? 0) >= 60_000, 'one who counts anew is heard again');
  });

  it('asks for what is missing, again after a round trip, and not for ever', () => {
    const missing = new MissingPackets(millis(40));
    for (const sequence of [1, 2, 5]) missing.note(sequence, millis(0));
    assert.deepEqual(missing.due(millis(5)), [3, 4]);
    assert.deepEqual(missing.due(millis(30)), []);
    missing.note(3, millis(45));
    assert.equal(missing.recovered, 1);
    assert.equal(missing.roundTrip, 40_000);
    assert.deepEqual(missing.due(millis(60)), [4]);
    let asked = 0;
    for (let at = 100; at < 5_000; at += 10) asked += missing.due(millis(at)).length;
    assert.equal(asked, 8, 'ten times in all');
    missing.giveUpBefore(5);
    assert.equal(missing.size, 0);
    assert.equal(missing.givenUp, 1);
    assert.ok(!missing.note(2_000, millis(6_000)), 'an outage is not asked for');
    assert.equal(missing.size, 0);
  });

  it('makes the original out of a retransmission, in place', () => {
    const header = new OutgoingHeader(idsFrom(1), 'v');
    header.marker = true;
    header.payloadType = 97;
    header.ssrc = 7;
    const length = header.write(seconds(1), 1);
    const bytes = Buffer.concat([header.bytes.subarray(0, length), Buffer.from('1234', 'hex'), Buffer.from('payload')]);
    const packet = new RtpPacket();
    assert.ok(readRtpPacket(bytes, packet));
    assert.ok(restoreOriginal(packet, 99, 96));
    assert.deepEqual([packet.sequence, packet.ssrc, packet.payloadType, packet.marker], [0x1234, 99, 96, true]);
    assert.equal(packet.payload().toString(), 'payload');
    assert.equal(listExtensions(packet)[0]?.value.toString(), 'v');
  });

  it('lets go out what its rate allows', () => {
    const budget = new SendBudget(1_000_000, millis(0));
    let sent = 0;
    for (let at = 0; at <= 10_000; at += 1) {
      budget.refill(millis(at));
      while (budget.open) {
        budget.spend(1_200);
        sent += 1_200;
      }
    }
    assert.ok(Math.abs(sent - 1_250_000) < 10_000, String(sent));
    assert.ok(budget.pause > 0 && budget.pause <= 100_000);
  });
});
