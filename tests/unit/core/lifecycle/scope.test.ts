import assert from 'node:assert/strict';
import { Scope } from '../../../../core/lifecycle/scope.ts';

const done = { code: 'done' } as const;

describe('a scope', () => {
  it('runs its cleanups once, newest first, with the reason', async () => {
    const scope = Scope.root('test');
    const ran: string[] = [];
    scope.defer((reason) => void ran.push(`1 ${reason.code}`));
    scope.defer((reason) => void ran.push(`2 ${reason.code}`));
    await Promise.all([scope.close(done), scope.close({ code: 'failed' })]);
    await scope.close({ code: 'idle' });
    assert.deepEqual(ran, ['2 done', '1 done']);
    assert.deepEqual(scope.reason, done);
  });

  it('waits for what a newer cleanup began', async () => {
    const scope = Scope.root('test');
    const ran: string[] = [];
    scope.defer(() => void ran.push('older'));
    scope.defer(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      ran.push('newer');
    });
    const closing = scope.close(done);
    let second = false;
    const again = scope.close(done).then(() => (second = true));
    assert.equal(second, false);
    await Promise.all([closing, again]);
    assert.deepEqual(ran, ['newer', 'older']);
  });

  it('reports cleanups that throw or reject, and runs the others', async () => {
    const failures: unknown[] = [];
    const scope = Scope.root('test', (name, error) => failures.push(name, (error as Error).message));
    let ran = false;
    scope.defer(() => void (ran = true));
    scope.defer(() => {
      throw new Error('thrown');
    });
    scope.child('inner').defer(() => Promise.reject(new Error('rejected')));
    await scope.close(done);
    assert.equal(ran, true);
    assert.deepEqual(failures, ['inner', 'rejected', 'test', 'thrown']);
  });

  it('forgets a cleanup that was released', async () => {
    const scope = Scope.root('test');
    const release = scope.defer(() => assert.fail('it was released'));
    release();
    release();
    await scope.close(done);
  });

  it('runs at once what is deferred too late', async () => {
    const scope = Scope.root('test');
    await scope.close({ code: 'idle' });
    let reason = '';
    scope.defer((why) => void (reason = why.code));
    assert.equal(reason, 'idle');
    assert.equal(scope.child('late').closed, true);
    assert.equal(scope.openScopes, 0);
  });

  it('lets a cleanup close its own scope and its parent', async () => {
    const scope = Scope.root('test');
    const child = scope.child('child');
    let runs = 0;
    child.defer(() => {
      runs += 1;
      void child.close(done);
      void scope.close(done);
    });
    await child.close(done);
    assert.equal(runs, 1);
    assert.equal(scope.openScopes, 0);
  });

  it('aborts its signal when it closes', async () => {
    const scope = Scope.root('test');
    assert.equal(scope.signal, scope.signal);
    assert.equal(scope.signal.aborted, false);
    await scope.close(done);
    assert.equal(scope.signal.aborted, true);
    const late = Scope.root('late');
    await late.close(done);
    assert.equal(late.signal.aborted, true);
  });

  it('keeps nothing of children that ended', async () => {
    const scope = Scope.root('test');
    for (let round = 0; round < 1_000; round += 1) await scope.child('session').close(done);
    assert.equal(scope.openScopes, 1);
  });
});
