import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isError } from '../../../../core/errors.ts';
import { importModules } from '../../../../core/modules/third-party.ts';
import { silentLog } from '../../../../core/observe/log.ts';
import { createServer } from '../../../../core/server.ts';

const made = `export const module = (sdk) => ({
  name: 'greeter',
  about: 'Greets.',
  config: sdk.section({ greeting: sdk.text({ default: 'hello', about: 'What it says.' }) }),
  configure: (core, config) => ({ start: async () => {}, stop: async () => {}, inspect: () => config }),
});`;

describe("third parties' modules", () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'switchyard-third-party-'));
    const installed = join(folder, 'node_modules', 'greeter-package');
    mkdirSync(installed, { recursive: true });
    writeFileSync(join(folder, 'greeter.mjs'), made);
    writeFileSync(join(folder, 'empty.mjs'), 'export const other = 1;');
    writeFileSync(join(folder, 'broken.mjs'), 'export const = 1;');
    writeFileSync(
      join(installed, 'package.json'),
      '{ "name": "greeter-package", "type": "module", "main": "index.js" }',
    );
    writeFileSync(join(installed, 'index.js'), made);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const reference of [{ path: './greeter.mjs' }, { package: 'greeter-package' }]) {
    it(`load by ${Object.keys(reference).join('')}, with the contract and the configuration of our own`, async () => {
      const modules = await importModules([reference], folder);
      const server = createServer({ modules, config: { greeter: { greeting: 'moin' } }, log: silentLog });
      await server.start();
      assert.deepEqual(server.inspect().modules, [
        { module: 'greeter', state: 'running', detail: { greeting: 'moin' } },
      ]);
      await server.stop();
      assert.throws(() => createServer({ modules, config: { greeter: { greting: 1 } } }), /did you mean "greeting"/);
    });
  }

  it('are told apart by what is wrong with them', async () => {
    const refused = async (name: string, why: RegExp): Promise<void> => {
      const isRefusal = (error: unknown): boolean => isError(error, 'module-not-found') && why.test(error.message);
      await assert.rejects(importModules([{ path: name }], folder), isRefusal);
    };
    await refused('missing.mjs', /Cannot find module/);
    await refused('empty.mjs', /exports no "module"/);
    await refused('broken.mjs', /Unexpected token|Expected/);
    await assert.rejects(importModules([{ package: 'no-such-package-here' }], folder), (error) =>
      isError(error, 'module-not-found'),
    );
  });
});
