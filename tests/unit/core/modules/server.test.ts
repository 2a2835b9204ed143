import assert from 'node:assert/strict';
import { isError } from '../../../../core/errors.ts';
import { ConfigurationApplied, ModuleStarted } from '../../../../core/events/catalogue.ts';
import type { Module } from '../../../../core/modules/module.ts';
import { ServerControl } from '../../../../core/modules/server-control.ts';
import { createServer, type Server } from '../../../../core/server.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { seconds } from '../../../../core/time/micros.ts';
import { captureLog } from '../../../support/captured-log.ts';
import { testModule, testService } from '../../../support/test-module.ts';

function states(server: Server): Record<string, string> {
  return Object.fromEntries(server.inspect().modules.map(({ module, state }) => [module, state]));
}

/** Runs `use` with a server, and stops it. */
async function withServer(
  modules: readonly Module[],
  config: Record<string, unknown>,
  use: (server: Server, clock: ManualClock, lines: string[]) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const { log, lines } = captureLog();
  const server = createServer({ modules, config, clock, log });
  try {
    await use(server, clock, lines);
  } finally {
    await server.stop();
  }
  assert.equal(server.core.scope.openScopes, 0, 'no scope stays open');
  assert.equal(clock.pending, 0, 'no timer stays');
}

describe('a server', () => {
  it('starts modules in the order of need and stops them in reverse', async () => {
    const journal: string[] = [];
    const modules = [
      testModule('user', journal, { requires: ['s'] }),
      testModule('provider', journal, { provides: ['s'] }),
      testModule('off', journal, { optIn: true }),
    ];
    await withServer(modules, { user: { value: 7 } }, async (server) => {
      const started: string[] = [];
      server.core.events.on(ModuleStarted, server.core.scope, ({ module }) => void started.push(module));
      await server.start();
      assert.deepEqual(started, ['provider', 'user']);
      assert.deepEqual(states(server), { provider: 'running', user: 'running' });
      assert.deepEqual(server.inspect().disabled, ['off']);
      assert.equal(server.core.services.get(ServerControl), server);
      assert.deepEqual(
        server.urls().map(({ url }) => url),
        ['provider://HOST/NAME', 'user://HOST/NAME'],
      );
      assert.match(await server.core.observe.metrics.text(), /^switchyard_module_up\{module="user"\} 1$/m);
    });
    assert.deepEqual(journal, ['+provider=0', '+user=7', '-user', '-provider']);
  });

  it('configures all before it starts any, and starts independent ones side by side', async () => {
    const steps: string[] = [];
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow = testModule('slow', steps, { configure: () => void steps.push('wire slow'), start: () => gate });
    const quick = testModule('quick', steps, {
      configure: () => void steps.push('wire quick'),
      start: () => release(),
    });
    await withServer([slow, quick], {}, (server) => server.start());
    // Slow waits for quick: one after the other they would wait for ever.
    assert.deepEqual(steps.slice(0, 2), ['wire slow', 'wire quick']);
    assert.deepEqual(steps.slice(2, 4).toSorted(), ['+quick=0', '+slow=0']);
  });

  it('starts everything or nothing', async () => {
    const journal: string[] = [];
    const broken = testModule('broken', journal, {
      requires: ['s'],
      start: () => {
        throw new Error('the disk is full.');
      },
    });
    const modules = [testModule('good', journal, { provides: ['s'] }), broken, testModule('other', journal)];
    await withServer(modules, {}, async (server) => {
      await assert.rejects(
        server.start(),
        /^SwitchyardError: The module "broken" failed to start: the disk is full\.$/,
      );
      assert.equal(server.core.scope.openScopes, 0);
    });
    assert.deepEqual(journal.toSorted(), ['+good=0', '+other=0', '-good', '-other']);
  });

  it('does not start what a broken module provides for', async () => {
    const modules = [
      testModule('broken', [], {
        provides: ['s'],
        configure: () => {
          throw new Error('no');
        },
      }),
      testModule('user', [], { requires: ['s'], start: () => assert.fail('its provider is down') }),
    ];
    await withServer(modules, {}, async (server) => {
      await assert.rejects(
        server.start(),
        (error) => isError(error, 'module-failed') && error.detail.module === 'broken',
      );
    });
  });

  it('touches only what changed, and those that need a restarted one', async () => {
    const journal: string[] = [];
    const live: number[] = [];
    const modules = [
      testModule('base', journal, { provides: ['s'] }),
      testModule('user', journal, { requires: ['s'] }),
      testModule('live', journal, { reconfigure: (value) => void live.push(value) }),
      testModule('still', journal),
    ];
    await withServer(modules, {}, async (server) => {
      await server.start();
      const applied: unknown[] = [];
      server.core.events.on(ConfigurationApplied, server.core.scope, ({ changed }) => void applied.push(changed));
      journal.length = 0;
      await server.reload({ live: { value: 3 } });
      assert.deepEqual(journal.splice(0), ['~live=3']);
      await server.reload({ live: { value: 3 }, user: { value: 1 } });
      assert.deepEqual(journal.splice(0), ['-user', '+user=1']);
      await server.reload({ live: { value: 3 }, user: { value: 1 }, base: { value: 2 } });
      assert.deepEqual(journal.splice(0), ['-user', '-base', '+base=2', '+user=1']);
      await server.reload({ live: { value: 3 }, user: { value: 1 }, base: { value: 2 } });
      assert.deepEqual(journal.splice(0), []);
      assert.deepEqual(applied, [['live'], ['user'], ['base'], []]);
      assert.deepEqual(live, [3]);
    });
  });

  it('switches modules off and on, with those that use them', async () => {
    const journal: string[] = [];
    const seen: (string | undefined)[] = [];
    const modules = [
      testModule('base', journal, { provides: ['s'] }),
      testModule('user', journal, {
        uses: ['s'],
        configure: (core) => void seen.push(core.services.find(testService('s'))),
      }),
    ];
    await withServer(modules, {}, async (server) => {
      await server.start();
      await server.reload({ base: false });
      assert.deepEqual(states(server), { user: 'running' });
      await server.reload({});
      assert.deepEqual(states(server), { base: 'running', user: 'running' });
      assert.deepEqual(seen, ['base', undefined, 'base']);
    });
  });

  it('restarts a module that cannot take the change while it runs', async () => {
    const journal: string[] = [];
    const stubborn = testModule('stubborn', journal, { reconfigure: () => Promise.reject(new Error('not this')) });
    await withServer([stubborn], {}, async (server) => {
      await server.start();
      await server.reload({ stubborn: { value: 1 } });
      assert.deepEqual(journal, ['+stubborn=0', '-stubborn', '+stubborn=1']);
    });
  });

  it('leaves everything as it is when the changed configuration is not valid, and logs every problem', async () => {
    const journal: string[] = [];
    const modules = [testModule('a', journal, { provides: ['s'] }), testModule('b', journal, { requires: ['s'] })];
    await withServer(modules, {}, async (server, _clock, lines) => {
      await server.start();
      journal.length = 0;
      await assert.rejects(server.reload({ a: { valeu: 1 }, nowhere: 1 }), (error) => isError(error, 'config-invalid'));
      await assert.rejects(server.reload({ a: false }), (error) => isError(error, 'module-requires'));
      assert.deepEqual(journal, []);
      assert.deepEqual(states(server), { a: 'running', b: 'running' });
      const told = lines.join('');
      assert.match(told, /did you mean \\"value\\"/);
      assert.match(told, /there is no such key; the keys here are server/);
      assert.match(told, /needs the service \\"s\\"/);
    });
  });

  it('keeps a module that fails to come back down, tells why, and tries it again', async () => {
    const journal: string[] = [];
    const start = (value: number): void => {
      if (value === 1) throw new Error('broken by 1');
    };
    const modules = [
      testModule('a', journal, { provides: ['s'], start }),
      testModule('b', journal, { requires: ['s'] }),
      testModule('c', journal),
    ];
    await withServer(modules, {}, async (server, _clock, lines) => {
      await server.start();
      await server.reload({ a: { value: 1 } });
      assert.deepEqual(states(server), { a: 'failed', b: 'failed', c: 'running' });
      const [a, b] = server.inspect().modules;
      assert.match(a?.error ?? '', /broken by 1/);
      assert.match(b?.error ?? '', /"a", which it needs, is down/);
      assert.match(lines.join(''), /broken by 1/);
      await server.reload({});
      assert.deepEqual(states(server), { a: 'running', b: 'running', c: 'running' });
    });
  });

  it('gives each module a scope, a log and services of its own', async () => {
    const scopes: string[] = [];
    const module = testModule('own', [], {
      provides: ['s'],
      configure: (core, value) => {
        core.observe.log.info(`configured ${value}`);
        core.scope.defer(({ code }) => void scopes.push(code));
      },
    });
    await withServer([module], {}, async (server, _clock, lines) => {
      await server.start();
      await server.reload({ own: { value: 1 } });
      assert.deepEqual(scopes, ['restart']);
      assert.match(lines.join(''), /"module":"own","message":"configured 1"/);
      await server.reload({ own: false });
      assert.equal(server.core.services.find(testService('s')), undefined);
    });
  });

  it('drains until the deadline, then cuts; a module that hangs does not hold it', async () => {
    const journal: string[] = [];
    let cut = false;
    const draining = testModule('draining', journal, {
      stop: (deadline) =>
        new Promise((resolve) => {
          deadline.addEventListener('abort', () => {
            cut = true;
            resolve();
          });
        }),
    });
    const hanging = testModule('hanging', journal, { stop: () => new Promise(() => undefined) });
    await withServer([draining, hanging], { server: { drain: '3s' } }, async (server, clock) => {
      await server.start();
      let stopped = false;
      const stopping = server.stop().then(() => (stopped = true));
      await clock.advanceSettling(seconds(2.9), 100_000);
      assert.deepEqual([cut, stopped], [false, false]);
      await clock.advanceSettling(seconds(0.2), 100_000);
      assert.deepEqual([cut, stopped], [true, false]);
      await clock.advanceSettling(seconds(1), 100_000);
      await stopping;
    });
  });

  it('may run twice in one process', async () => {
    const one: string[] = [];
    const two: string[] = [];
    await withServer([testModule('a', one)], {}, async (first) => {
      await withServer([testModule('a', two)], { a: { value: 2 } }, async (second) => {
        await Promise.all([first.start(), second.start()]);
      });
      assert.deepEqual(states(first), { a: 'running' });
    });
    assert.deepEqual(
      [one, two],
      [
        ['+a=0', '-a'],
        ['+a=2', '-a'],
      ],
    );
  });
});
