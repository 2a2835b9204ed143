import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isError } from '../../../../core/errors.ts';
import { planModules, withFollowers } from '../../../../core/modules/module-plan.ts';
import { type TestModuleOptions, testModule } from '../../../support/test-module.ts';

function plan(modules: Record<string, TestModuleOptions>) {
  return planModules(Object.entries(modules).map(([name, options]) => testModule(name, [], options)));
}

function names(modules: Record<string, TestModuleOptions>): string {
  return plan(modules)
    .map(({ module }) => module.name)
    .join(' ');
}

describe('the plan of the modules', () => {
  it('keeps the order in which they are listed', () => assert.equal(names({ c: {}, a: {}, b: {} }), 'c a b'));

  it('puts providers first', () => {
    assert.equal(
      names({
        a: { requires: ['s'] },
        b: { uses: ['t'] },
        c: { provides: ['s', 't'], requires: ['u'] },
        d: { provides: ['u'] },
      }),
      'd c a b',
    );
  });

  it('lets what is used be absent, and not what is required', () => {
    assert.equal(names({ a: { uses: ['s'] } }), 'a');
    assert.throws(
      () => plan({ a: { requires: ['s'] } }),
      (error) => {
        return isError(error, 'module-requires') && error.detail.module === 'a' && error.detail.service === 's';
      },
    );
  });

  it('names a circle', () => {
    const circle = {
      x: { requires: ['a'] },
      a: { provides: ['a'], requires: ['b'] },
      b: { provides: ['b'], uses: ['a'] },
    };
    assert.throws(
      () => plan(circle),
      (error) => isError(error, 'module-cycle') && error.detail.modules === 'a > b > a',
    );
  });

  it('refuses two of one name and two that provide one service', () => {
    const twice = [testModule('a', []), testModule('a', [])];
    assert.throws(
      () => planModules(twice),
      (error) => isError(error, 'module-failed'),
    );
    assert.throws(() => plan({ a: { provides: ['s'] }, b: { provides: ['s'] } }), /provided by "a" already/);
  });

  it('finds followers of followers', () => {
    const made = plan({ a: { provides: ['a'] }, b: { provides: ['b'], requires: ['a'] }, c: { uses: ['b'] }, d: {} });
    assert.deepEqual([...withFollowers(made, new Set(['a']))], ['a', 'b', 'c']);
    assert.deepEqual([...withFollowers(made, new Set(['d']))], ['d']);
  });

  it('puts every need before its user, in any graph without a circle', () => {
    const edges = fc.array(fc.tuple(fc.nat({ max: 11 }), fc.nat({ max: 11 })), { maxLength: 40 });
    const order = fc.shuffledSubarray([...Array(12).keys()], { minLength: 12 });
    fc.assert(
      fc.property(edges, order, (pairs, listed) => {
        const modules = listed.map((number) => {
          const requires = pairs.filter(([from, to]) => from === number && to < number).map(([, to]) => `s${to}`);
          return testModule(`m${number}`, [], { provides: [`s${number}`], requires });
        });
        const placed = new Set<string>();
        for (const { module, needs } of planModules(modules)) {
          for (const need of needs) assert.ok(placed.has(need));
          placed.add(module.name);
        }
        assert.equal(placed.size, 12);
      }),
    );
  });
});
