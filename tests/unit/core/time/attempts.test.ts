import assert from 'node:assert/strict';
import { Attempts } from '../../../../core/time/attempts.ts';
import { Backoff } from '../../../../core/time/backoff.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { seconds } from '../../../../core/time/micros.ts';

describe('Attempts', () => {
  it('waits longer after each failure, and no longer after a success', () => {
    const clock = new ManualClock();
    const backoff = new Backoff({ first: seconds(1), longest: seconds(3) }, { random: () => 0.5 });
    const attempts = new Attempts({ clock, backoff });
    assert.deepEqual(attempts.report, { state: 'waiting', failures: 0, lastError: undefined });
    assert.equal(attempts.remaining, 0);
    const state = (): string => attempts.report.state;
    attempts.begin();
    assert.equal(state(), 'connecting');
    const pauses = ['a', 'b', 'c'].map((why) => {
      attempts.fail(why);
      return attempts.pause;
    });
    assert.deepEqual(pauses, [seconds(1), seconds(2), seconds(3)]);
    assert.deepEqual(attempts.report, { state: 'waiting', failures: 3, lastError: 'c' });
    clock.advance(seconds(2));
    assert.equal(attempts.remaining, seconds(1));
    clock.advance(seconds(2));
    assert.equal(attempts.remaining, 0);
    attempts.succeed();
    assert.deepEqual(attempts.report, { state: 'running', failures: 0, lastError: 'c' });
    attempts.wait();
    assert.equal(state(), 'waiting');
    attempts.fail('d');
    assert.equal(attempts.pause, seconds(1));
  });
});
