import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Scope } from '../../../../core/lifecycle/scope.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { millis } from '../../../../core/time/micros.ts';
import { DecodeTimes } from '../../../../modules/rtp/decode-times.ts';
import { ReorderBuffer } from '../../../../modules/rtp/reorder-buffer.ts';

function makeBuffer(wait = 60) {
  const clock = new ManualClock();
  const out: (number | string)[] = [];
  const buffer = new ReorderBuffer(
    { wait: millis(wait) },
    {
      clock,
      scope: Scope.root('test'),
      release: (bytes) => out.push(bytes.readUInt32BE(0)),
      lose: (count) => out.push(`lost ${count}`),
    },
  );
  const push = (sequence: number): void => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(sequence);
    buffer.push(sequence, bytes);
  };
  return { clock, out, buffer, push };
}

describe('modules/rtp order', () => {
  it('puts packets in order, drops doubles, and gives up a gap when its time is over', () => {
    const { clock, out, push, buffer } = makeBuffer();
    for (const sequence of [10, 12, 13, 11, 11, 14, 16, 17]) push(sequence);
    assert.deepEqual(out, [10, 11, 12, 13, 14]);
    clock.advance(millis(59));
    assert.equal(out.length, 5);
    clock.advance(millis(2));
    assert.deepEqual(out.slice(5), ['lost 1', 16, 17]);
    push(15);
    assert.equal(buffer.duplicates, 2);
  });

  it('waits for each gap from when it showed, not for one after the other', () => {
    const { clock, out, push } = makeBuffer();
    for (const sequence of [10, 12]) push(sequence);
    clock.advance(millis(20));
    for (const sequence of [14, 16]) push(sequence);
    clock.advance(millis(20));
    push(13); // late into a gap, which is no younger for it
    clock.advance(millis(21));
    assert.deepEqual(out, [10, 'lost 1', 12, 13, 14]);
    clock.advance(millis(19));
    assert.deepEqual(out.slice(5), ['lost 1', 16]);
  });

  it('gives every packet once and in order, whatever the shuffle within its reach', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 300 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 299 }), { maxLength: 20 }),
        (delays, missing) => {
          const { clock, out, push } = makeBuffer();
          const order = delays
            .map((delay, sequence) => ({ sequence, at: sequence + (sequence === 0 ? 0 : delay) }))
            .filter(({ sequence }) => !missing.includes(sequence))
            .sort((a, b) => a.at - b.at);
          for (const { sequence } of order) push(sequence);
          for (let turn = 0; turn < 40; turn += 1) clock.advance(millis(61));
          const released = out.filter((one) => typeof one === 'number');
          assert.deepEqual(
            released,
            order.map(({ sequence }) => sequence).sort((a, b) => a - b),
          );
        },
      ),
    );
  });

  it('finds times of decoding that rise and are not after those of showing', () => {
    // I0 P4 B2 b1 b3 P8 …: a pyramid of depth 2.
    const shown = [0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11].map((frame) => 1_000 + frame * 100);
    const times = new DecodeTimes(2, 100);
    const decoded = shown.map((at) => times.next(at));
    for (let index = 1; index < decoded.length; index += 1)
      assert.ok((decoded[index] ?? 0) > (decoded[index - 1] ?? 0));
    decoded.forEach((at, index) => assert.ok(at <= (shown[index] ?? 0)));
    const plain = new DecodeTimes(0, 100);
    assert.deepEqual(
      [0, 100, 250].map((at) => plain.next(at)),
      [0, 100, 250],
    );
  });

  it('always rises, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.integer({ min: 0, max: 1e6 }), { maxLength: 100 }),
        (depth, shown) => {
          const times = new DecodeTimes(depth, 3_000);
          let last = -Infinity;
          for (const at of shown) {
            const next = times.next(at);
            assert.ok(next > last);
            last = next;
          }
        },
      ),
    );
  });
});
