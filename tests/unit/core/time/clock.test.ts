import assert from 'node:assert/strict';
import { Scope } from '../../../../core/lifecycle/scope.ts';
import { afterIn, every, sleep } from '../../../../core/time/clock.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { micros, millis, seconds } from '../../../../core/time/micros.ts';
import { SystemClock } from '../../../../core/time/system-clock.ts';

const done = { code: 'done' } as const;

describe('the manual clock', () => {
  it('runs timers in the order in which they fall due, at their time', () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    const note = (name: string) => () => void ran.push(`${name}@${clock.now()}`);
    clock.after(micros(30), note('c'));
    clock.after(micros(10), note('a'));
    clock.after(micros(10), note('b'));
    clock.after(micros(20), () => clock.after(micros(5), note('inner')));
    clock.after(micros(99), note('never'));
    clock.advance(micros(40));
    assert.deepEqual(ran, ['a@10', 'b@10', 'inner@25', 'c@30']);
    assert.equal(clock.now(), 40);
    assert.equal(clock.pending, 1);
  });

  it('takes a timer back, before it ran and after', () => {
    const clock = new ManualClock();
    const cancel = clock.after(millis(1), () => assert.fail('it was cancelled'));
    cancel();
    cancel();
    clock.advance(seconds(1));
    assert.equal(clock.pending, 0);
  });

  it('steps the wall clock alone', () => {
    const clock = new ManualClock();
    const before = clock.wallNow();
    clock.stepWall(seconds(-3_600));
    assert.equal(clock.wallNow() - before, -3_600_000_000);
    assert.equal(clock.now(), 0);
  });
});

describe('timers in a scope', () => {
  it('end with it', async () => {
    const clock = new ManualClock();
    const scope = Scope.root('test');
    afterIn(scope, clock, seconds(1), () => assert.fail('the scope has ended'));
    every(scope, clock, seconds(1), () => assert.fail('the scope has ended'));
    const slept = sleep(scope, clock, seconds(1));
    await scope.close(done);
    await slept;
    afterIn(scope, clock, seconds(1), () => assert.fail('the scope has ended'));
    assert.equal(clock.pending, 0);
    clock.advance(seconds(2));
  });

  it('tick until they are stopped, from outside or within', () => {
    const clock = new ManualClock();
    const scope = Scope.root('test');
    let outside = 0;
    let within = 0;
    const stop = every(scope, clock, seconds(1), () => (outside += 1));
    const stopWithin = every(scope, clock, seconds(1), () => {
      within += 1;
      if (within === 2) stopWithin();
    });
    clock.advance(seconds(3));
    stop();
    clock.advance(seconds(3));
    assert.deepEqual([outside, within], [3, 2]);
    assert.equal(clock.pending, 0);
  });

  it('leave nothing in the scope after they ran', () => {
    const clock = new ManualClock();
    const scope = Scope.root('test');
    let ran = 0;
    afterIn(scope, clock, seconds(1), () => (ran += 1));
    clock.advance(seconds(1));
    void scope.close(done);
    assert.equal(ran, 1);
  });
});

describe('the system clock', () => {
  it('rises, and tells Unix time in microseconds', async () => {
    const clock = new SystemClock();
    const before = clock.now();
    await new Promise<void>((resolve) => void clock.after(millis(2), resolve));
    assert.ok(clock.now() > before);
    assert.ok(Number.isInteger(clock.now()));
    assert.ok(Math.abs(clock.wallNow() / 1_000 - Date.now()) < 1_000);
  });
});
