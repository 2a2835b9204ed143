import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import { Scope } from '../../core/lifecycle/scope.ts';

/** A tree by instructions: each adds to, or closes, the scope that a number picks. */
type Step = {
  readonly kind: 'child' | 'sync' | 'async' | 'throw' | 'reject' | 'release' | 'close';
  readonly pick: number;
};

const kind = fc.constantFrom<Step['kind']>('child', 'child', 'sync', 'async', 'throw', 'reject', 'release', 'close');
const steps = fc.array(fc.record({ kind, pick: fc.nat({ max: 1_000 }) }), { maxLength: 60 });

interface Entry {
  readonly scope: Scope;
  readonly order: number;
  readonly late: boolean;
  runs: number;
  ranAt: number;
  released: boolean;
}

class Grower {
  readonly scopes: Scope[];
  readonly entries: Entry[] = [];
  readonly failures: unknown[] = [];
  readonly closings: Promise<void>[] = [];
  #runs = 0;
  readonly #releases: (() => void)[] = [];

  constructor() {
    this.scopes = [Scope.root('root', (_name, error) => this.failures.push(error))];
  }

  get root(): Scope {
    return this.scopes[0] ?? assert.fail();
  }

  take({ kind, pick }: Step): void {
    const scope = this.scopes[pick % this.scopes.length] ?? this.root;
    if (kind === 'child') this.scopes.push(scope.child(`scope ${this.scopes.length}`));
    // The root lives until the end, so that the tree has one.
    else if (kind === 'close') {
      if (scope !== this.root) this.closings.push(scope.close({ code: 'done' }));
    } else if (kind === 'release') this.#releases[pick % Math.max(1, this.#releases.length)]?.();
    else this.#defer(scope, kind);
  }

  #defer(scope: Scope, kind: 'sync' | 'async' | 'throw' | 'reject'): void {
    const entry: Entry = { scope, order: this.entries.length, late: scope.closed, runs: 0, ranAt: -1, released: false };
    this.entries.push(entry);
    const release = scope.defer((reason: CloseReason) => {
      assert.ok(scope.closed, 'a scope is marked closed before its cleanups run');
      assert.equal(scope.reason, reason);
      entry.runs += 1;
      entry.ranAt = this.#runs;
      this.#runs += 1;
      if (kind === 'async') return new Promise<void>((resolve) => setImmediate(resolve));
      if (kind === 'reject') return Promise.reject(new Error('rejected'));
      if (kind === 'throw') throw new Error('thrown');
      return undefined;
    });
    this.#releases.push(() => {
      if (entry.runs === 0 && !scope.closed) entry.released = true;
      release();
    });
  }
}

describe('a tree of scopes', () => {
  it('runs every cleanup exactly once, newest first in each scope, and ends with none open', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const tree = new Grower();
        for (const step of plan) tree.take(step);
        const open = tree.scopes.filter((scope) => !scope.closed).length;
        assert.equal(tree.root.openScopes, open, 'the census counts what is open');
        await Promise.all([tree.root.close({ code: 'shutdown' }), ...tree.closings]);
        assert.ok(tree.scopes.every((scope) => scope.closed));
        assert.equal(tree.root.openScopes, 0, 'the census returns to its base line');
        for (const entry of tree.entries) assert.equal(entry.runs, entry.released ? 0 : 1);
        for (const scope of tree.scopes) {
          const ran = tree.entries.filter((entry) => entry.scope === scope && !entry.released && !entry.late);
          const newestFirst = [...ran].sort((a, b) => a.ranAt - b.ranAt).map(({ order }) => order);
          assert.deepEqual(
            newestFirst,
            newestFirst.toSorted((a, b) => b - a),
          );
        }
      }),
      { numRuns: 500 },
    );
  });
});
