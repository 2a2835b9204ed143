import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import { Scope } from '../../../../core/lifecycle/scope.ts';
import { Mounts } from '../../../../modules/http/mounts.ts';

const open = { access: 'public' } as const;
const nothing = (): void => undefined;

describe('Mounts', () => {
  let scope: Scope;
  let built: string[];
  let closed: string[];
  let mounts: Mounts;

  beforeEach(() => {
    scope = Scope.root('test');
    built = [];
    closed = [];
    mounts = new Mounts(async (prefix) => {
      built.push(prefix);
      return { close: async () => void closed.push(prefix) } as unknown as FastifyInstance;
    });
  });
  afterEach(() => scope.close({ code: 'done' }));

  it('finds the longest prefix by whole segments', () => {
    for (const prefix of ['', '/rest-api', '/rest-api/stream']) mounts.mount(prefix, scope, open, nothing);
    const found = (url: string) => mounts.findFor(url)?.prefix;
    assert.equal(found('/rest-api/stream/find?x=/a/b'), '/rest-api/stream');
    assert.equal(found('/rest-api/stream'), '/rest-api/stream');
    assert.equal(found('/rest-api/streams'), '/rest-api');
    assert.equal(found('/rest-api/'), '/rest-api');
    assert.equal(found('/other/deep/path'), '');
    assert.equal(found('/'), '');
    assert.equal(found(''), '');
    assert.equal(found('*'), '');
  });

  it('finds nothing where nothing is mounted', () => {
    mounts.mount('/a', scope, open, nothing);
    assert.equal(mounts.findFor('/b/c'), undefined);
  });

  it('takes a mount away with its owner, and lets it come back', async () => {
    const owner = scope.child('module');
    mounts.mount('/push', owner, open, nothing);
    await mounts.findFor('/push/x')?.obtain();
    await owner.close({ code: 'restart' });
    assert.equal(mounts.findFor('/push/x'), undefined);
    assert.deepEqual(closed, ['/push']);
    mounts.mount('/push', scope, open, nothing);
    assert.ok(mounts.findFor('/push/x'));
  });

  it('builds at the first request, once', async () => {
    mounts.mount('/a', scope, open, nothing);
    assert.deepEqual(built, []);
    await Promise.all([mounts.findFor('/a')?.obtain(), mounts.findFor('/a')?.obtain()]);
    assert.deepEqual(built, ['/a']);
  });

  it('refuses a taken prefix and one that is none', () => {
    mounts.mount('/a', scope, open, nothing);
    for (const prefix of ['/a', 'a', '/a/', '/a?b']) assert.throws(() => mounts.mount(prefix, scope, open, nothing));
  });
});
