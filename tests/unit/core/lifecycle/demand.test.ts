import assert from 'node:assert/strict';
import { Demand } from '../../../../core/lifecycle/demand.ts';
import { Scope } from '../../../../core/lifecycle/scope.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { seconds } from '../../../../core/time/micros.ts';

describe('Demand', () => {
  function make() {
    const clock = new ManualClock();
    const root = Scope.root('root');
    const log: string[] = [];
    let runs = 0;
    const demand = new Demand<number>(
      { name: 'encoder', linger: seconds(5) },
      {
        clock,
        parent: root,
        open: async (scope) => {
          runs += 1;
          const run = runs;
          log.push(`open ${run}`);
          scope.defer((reason) => {
            log.push(`close ${run} ${reason.code}`);
          });
          if (run === 3) throw new Error('third time unlucky');
          return run;
        },
      },
    );
    return { clock, root, log, demand };
  }

  it('opens once for all, and closes after the linger', async () => {
    const { clock, root, log, demand } = make();
    const users = [root.child('a'), root.child('b')];
    assert.deepEqual(await Promise.all(users.map((user) => demand.use(user))), [1, 1]);
    for (const user of users) await user.close({ code: 'done' });
    clock.advance(seconds(4));
    assert.deepEqual(log, ['open 1']);
    clock.advance(seconds(2));
    assert.deepEqual(log, ['open 1', 'close 1 idle']);
    assert.equal(root.openScopes, 1);
  });

  it('is kept by whoever comes during the linger', async () => {
    const { clock, root, log, demand } = make();
    const first = root.child('a');
    await demand.use(first);
    await first.close({ code: 'done' });
    clock.advance(seconds(4));
    const second = root.child('b');
    assert.equal(await demand.use(second), 1);
    clock.advance(seconds(60));
    assert.deepEqual(log, ['open 1']);
  });

  it('opens anew after the thing ended by itself, and after a failure', async () => {
    const { root, log, demand } = make();
    let inner: Scope | undefined;
    const own = new Demand<Scope>(
      { name: 'camera', linger: seconds(1) },
      {
        clock: new ManualClock(),
        parent: root,
        open: async (scope) => {
          inner = scope;
          return scope;
        },
      },
    );
    const first = await own.use(root.child('a'));
    await inner?.close({ code: 'failed' });
    assert.equal(own.running, false);
    assert.notEqual(await own.use(root.child('b')), first);

    await demand.use(root.child('c'));
    await demand.use(root.child('d'));
    assert.deepEqual(log, ['open 1']);
    await root.close({ code: 'shutdown' });
    assert.equal(root.openScopes, 0);
  });
});
