import assert from 'node:assert/strict';
import { EventBus, event } from '../../../../core/events/bus.ts';
import { Scope } from '../../../../core/lifecycle/scope.ts';

const Counted = event<{ count: number }>('test:counted');
const Other = event<{ text: string }>('test:other');
const done = { code: 'done' } as const;

describe('the event bus', () => {
  it('tells those who listen to a kind, until their scope ends', async () => {
    const bus = new EventBus();
    const scope = Scope.root('test');
    const heard: number[] = [];
    bus.on(Counted, scope, ({ count }) => void heard.push(count));
    bus.emit(Counted, { count: 1 });
    bus.emit(Other, { text: 'x' });
    await scope.close(done);
    bus.emit(Counted, { count: 2 });
    bus.on(Counted, scope, () => assert.fail('the scope has ended'));
    bus.emit(Counted, { count: 3 });
    assert.deepEqual(heard, [1]);
  });

  it('tells watchers everything', () => {
    const bus = new EventBus();
    const heard: unknown[] = [];
    bus.watch(Scope.root('test'), (name, detail) => void heard.push(name, detail));
    bus.emit(Counted, { count: 1 });
    bus.emit(Other, { text: 'x' });
    assert.deepEqual(heard, ['test:counted', { count: 1 }, 'test:other', { text: 'x' }]);
  });

  it('lets no listener hurt another', () => {
    const failures: unknown[] = [];
    const bus = new EventBus((name, error) => failures.push(name, (error as Error).message));
    const scope = Scope.root('test');
    let heard = 0;
    bus.on(Counted, scope, () => {
      throw new Error('broken');
    });
    bus.on(Counted, scope, () => void (heard += 1));
    bus.watch(scope, () => void (heard += 1));
    bus.emit(Counted, { count: 1 });
    assert.equal(heard, 2);
    assert.deepEqual(failures, ['test:counted', 'broken']);
  });

  it('takes a listener that comes or goes while it tells', async () => {
    const bus = new EventBus();
    const scope = Scope.root('test');
    const heard: string[] = [];
    const first = scope.child('first');
    bus.on(Counted, first, () => {
      heard.push('first');
      void first.close(done);
      bus.on(Counted, scope, () => void heard.push('late'));
    });
    bus.on(Counted, scope, () => void heard.push('second'));
    bus.emit(Counted, { count: 1 });
    bus.emit(Counted, { count: 2 });
    assert.deepEqual(heard, ['first', 'second', 'second', 'late']);
    await scope.close(done);
  });

  it('waits for the next event that matches, or for the end', async () => {
    const bus = new EventBus();
    const scope = Scope.root('test');
    const next = bus.next(Counted, scope, ({ count }) => count > 1);
    bus.emit(Counted, { count: 1 });
    bus.emit(Counted, { count: 2 });
    assert.deepEqual(await next, { count: 2 });
    assert.equal(scope.openScopes, 1);
    const never = bus.next(Counted, scope);
    await scope.close(done);
    assert.equal(await never, undefined);
    assert.equal(scope.openScopes, 0);
  });
});
