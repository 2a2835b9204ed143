import assert from 'node:assert/strict';
import { Scope } from '../../../../core/lifecycle/scope.ts';
import { UriSources } from '../../../../core/streams/uri-sources.ts';

describe('UriSources', () => {
  it('makes one source a name, and forgets the oldest of many', async () => {
    const made: string[] = [];
    const opened: string[] = [];
    const sources = new UriSources(
      { name: 'test uri' },
      {
        claims: (name) => name.startsWith('test:'),
        make: (uri) => {
          made.push(uri);
          return { name: uri, claims: () => true, open: async (name) => void opened.push(name) };
        },
      },
    );
    const scope = Scope.root('test');
    assert.ok(sources.claims('test:1') && !sources.claims('other:1'));
    await sources.open('test:1', scope);
    await sources.open('test:1', scope);
    assert.deepEqual([made, opened], [['test:1'], ['test:1', 'test:1']]);
    for (let number = 2; number <= 257; number += 1) await sources.open(`test:${number}`, scope);
    await sources.open('test:257', scope);
    assert.equal(made.length, 257);
    await sources.open('test:1', scope);
    assert.equal(made.length, 258);
    await scope.close({ code: 'done' });
  });
});
