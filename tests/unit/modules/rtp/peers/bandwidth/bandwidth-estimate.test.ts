import assert from 'node:assert/strict';
import { ManualClock } from '../../../../../../core/time/manual-clock.ts';
import { type Micros, millis, seconds } from '../../../../../../core/time/micros.ts';
import { ArrivalLog } from '../../../../../../modules/rtp/peers/arrival-log.ts';
import { BandwidthEstimate } from '../../../../../../modules/rtp/peers/bandwidth/bandwidth-estimate.ts';
import { randomFrom } from '../../../../../support/random.ts';

interface Link {
  rate: number;
  /** Bytes in front of the bottleneck. */
  queue: number;
  loss: number;
  jitter: number;
}

/** A sender that always sends what the estimate allows, through a bottleneck, to one who tells what arrives. */
class Simulation {
  readonly clock = new ManualClock(1_000_000);
  readonly estimate: BandwidthEstimate;
  readonly link: Link;
  readonly #log = new ArrivalLog();
  readonly #random = randomFrom(11);
  /** At most this is sent, whatever is allowed. */
  most = Infinity;
  #sequence = 0;
  #freeAt = 0;
  #credit = 0;
  longestQueue = 0;

  constructor(link: Partial<Link>, start = 300_000, bounds = { minimum: 30_000, maximum: 50_000_000 }) {
    this.link = { rate: 1_000_000, queue: 60_000, loss: 0, jitter: 0, ...link };
    this.estimate = new BandwidthEstimate({ start, bounds });
  }

  run(duration: Micros): void {
    const step = 5_000;
    for (let passed = 0; passed < duration; passed += step) {
      this.#credit += (Math.min(this.estimate.target, this.most) * step) / 8e6;
      for (; this.#credit >= 1_200; this.#credit -= 1_200) this.#send(1_200);
      this.clock.advance(step as Micros);
      if ((passed / step) % 10 === 0) this.#tell();
    }
  }

  #send(size: number): void {
    const now = this.clock.now();
    const sequence = this.#sequence;
    this.#sequence += 1;
    this.estimate.noteSent(sequence, size, now);
    const waiting = Math.max(0, this.#freeAt - now);
    this.longestQueue = Math.max(this.longestQueue, waiting);
    if ((waiting * this.link.rate) / 8e6 > this.link.queue || this.#random() < this.link.loss) return;
    this.#freeAt = Math.max(now, this.#freeAt) + (size * 8e6) / this.link.rate;
    const delay = (this.#freeAt - now + 20_000 + this.#random() * this.link.jitter) as Micros;
    this.clock.after(delay, () => this.#log.note(sequence & 0xffff, this.clock.now()));
  }

  #tell(): void {
    for (;;) {
      const feedback = this.#log.feedback(1, 2);
      if (feedback === undefined) return;
      this.clock.after(millis(20), () => this.estimate.noteFeedback(feedback, this.clock.now(), millis(40)));
    }
  }
}

function assertNear(actual: number, wanted: number, share: number): void {
  assert.ok(Math.abs(actual - wanted) <= wanted * share, `${Math.round(actual)} is not near ${wanted}`);
}

describe('modules/rtp peers bandwidth', () => {
  it('finds a bottleneck of 1 Mbit/s from below, and keeps its queue short', () => {
    const simulation = new Simulation({});
    simulation.run(seconds(20));
    for (let turn = 0; turn < 10; turn += 1) {
      simulation.longestQueue = 0;
      simulation.run(seconds(1));
      assertNear(simulation.estimate.target, 1_000_000, 0.3);
      assert.ok(simulation.longestQueue < 300_000);
    }
  });

  it('finds it from above', () => {
    const simulation = new Simulation({}, 5_000_000);
    simulation.run(seconds(6));
    for (let turn = 0; turn < 10; turn += 1) {
      simulation.run(seconds(1));
      assertNear(simulation.estimate.target, 1_000_000, 0.3);
    }
  });

  it('follows the link when it narrows and when it widens again', () => {
    const simulation = new Simulation({ rate: 4_000_000 }, 2_000_000);
    simulation.run(seconds(20));
    assertNear(simulation.estimate.target, 4_000_000, 0.3);
    simulation.link.rate = 1_000_000;
    simulation.run(seconds(8));
    assertNear(simulation.estimate.target, 1_000_000, 0.3);
    simulation.link.rate = 4_000_000;
    simulation.run(seconds(30));
    assert.ok(simulation.estimate.target > 2_500_000, String(simulation.estimate.target));
  });

  it('is not misled by jitter, nor by a little loss', () => {
    const simulation = new Simulation({ rate: 2_000_000, jitter: 8_000, loss: 0.01 });
    simulation.run(seconds(40));
    assertNear(simulation.estimate.target, 2_000_000, 0.35);
  });

  it('is not worn down by 5 % of loss by chance', () => {
    const simulation = new Simulation({ rate: 50_000_000, loss: 0.05 }, 3_000_000);
    simulation.most = 1_000_000;
    let least = Infinity;
    for (let second = 0; second < 60; second += 1) {
      simulation.run(seconds(1));
      least = Math.min(least, simulation.estimate.target);
    }
    assert.ok(least > 1_000_000, String(least));
  });

  it('counts what was lost and sent again under its number as lost once, whenever it comes', () => {
    const told = (later: boolean): BandwidthEstimate => {
      const estimate = new BandwidthEstimate({ start: 1_000_000, bounds: { minimum: 1, maximum: 10_000_000 } });
      for (let sequence = 0; sequence < 10; sequence += 1) estimate.noteSent(sequence, 1_200, millis(sequence * 10));
      const feedback = (from: number, deltas: readonly (number | undefined)[]): void => {
        estimate.noteFeedback(
          {
            kind: 'transport-feedback',
            ...{ senderSsrc: 1, mediaSsrc: 2, baseSequence: from, feedbackCount: 0, referenceTime: 0, deltas },
          },
          millis(200),
          millis(40),
        );
      };
      if (later) {
        feedback(0, [0, 40, 40, 40, 40, 40, 40, 40, 40, undefined]);
        estimate.noteResent(9);
        feedback(9, [4_000]); // a second late
      } else {
        estimate.noteResent(9);
        feedback(0, [0, 40, 40, 40, 40, 40, 40, 40, 40, 4_000]);
      }
      return estimate;
    };
    for (const later of [true, false]) {
      const estimate = told(later);
      assert.ok(estimate.queueing < 1_000, `${estimate.queueing} µs in queues`);
      assert.equal(estimate.signal, 'normal');
      estimate.noteResent(9); // settled
      estimate.noteResent(77); // never sent
    }
  });

  it('counts what is told lost over and over as lost once', () => {
    const estimate = new BandwidthEstimate({ start: 3_000_000, bounds: { minimum: 1, maximum: 10_000_000 } });
    // A packet each 5 ms, of which each 30th gets lost; one late packet makes a feedback reach back by 200.
    const arrivalOf = (sequence: number): number => sequence * 5_000 + 20_000;
    for (let first = 0; first < 6_000; first += 20) {
      for (let sequence = first; sequence < first + 20; sequence += 1) {
        estimate.noteSent(sequence, 1_200, (sequence * 5_000) as Micros);
      }
      const base = Math.max(0, first - 200);
      const referenceTime = Math.floor(arrivalOf(base) / 64_000);
      let last = referenceTime * 64_000;
      const deltas = Array.from({ length: first + 20 - base }, (_, index) => {
        if ((base + index) % 30 === 29) return undefined;
        const delta = Math.round((arrivalOf(base + index) - last) / 250);
        last += delta * 250;
        return delta;
      });
      const message = { senderSsrc: 1, mediaSsrc: 2, baseSequence: base & 0xffff, feedbackCount: 0 };
      const now = arrivalOf(first + 20) as Micros;
      estimate.noteFeedback({ kind: 'transport-feedback', ...message, referenceTime, deltas }, now, millis(40));
    }
    assert.ok(estimate.lost < 0.05, `${estimate.lost} lost`);
    assert.ok(estimate.target > 1_900_000, `${estimate.target} bits a second`);
  });

  it('gives way to heavy loss', () => {
    const simulation = new Simulation({ rate: 50_000_000, loss: 0.25 }, 2_000_000);
    simulation.run(seconds(10));
    assert.ok(simulation.estimate.target < 700_000, String(simulation.estimate.target));
  });

  it('does not claim what it has never sent', () => {
    const simulation = new Simulation({ rate: 100_000_000 });
    simulation.most = 1_000_000;
    simulation.run(seconds(60));
    assert.ok(simulation.estimate.target <= 2_000_000, String(simulation.estimate.target));
  });

  it('keeps within its bounds, whatever it is told', () => {
    const simulation = new Simulation({ rate: 100_000_000 }, 1_000_000, { minimum: 200_000, maximum: 3_000_000 });
    simulation.run(seconds(30));
    assert.equal(simulation.estimate.target, 3_000_000);
    simulation.estimate.noteRemb(0);
    assert.equal(simulation.estimate.target, 200_000);
    simulation.estimate.noteRemb(2 ** 63);
    assert.equal(simulation.estimate.target, 3_000_000);
  });

  it('takes what a receiver says where there is no feedback, else its losses', () => {
    const bounds = { minimum: 30_000, maximum: 50_000_000 };
    const told = new BandwidthEstimate({ start: 3_000_000, bounds });
    told.noteRemb(700_000);
    assert.equal(told.target, 700_000);
    const lossy = new BandwidthEstimate({ start: 3_000_000, bounds });
    for (let turn = 0; turn < 10; turn += 1) lossy.noteLoss(0.3, 2_000_000);
    assert.ok(lossy.target < 1_000_000);
    for (let turn = 0; turn < 60; turn += 1) lossy.noteLoss(0, 2_000_000);
    assert.ok(lossy.target >= 2_000_000);
  });
});
