import assert from 'node:assert/strict';
import { errorCodes } from '../../core/errors.ts';
import { generatedFiles } from '../../scripts/generated.ts';
import { textOf, trackedFiles } from './tree.ts';

const files = await generatedFiles();

describe('generated files', () => {
  for (const [path, text] of files) {
    it(`${path} is fresh`, () => {
      assert.ok(trackedFiles.includes(path), `${path} is not tracked`);
      assert.equal(textOf(path), text, `${path} is stale: npm run generate`);
    });
  }

  it('the catalogue of errors lists every code, with a sentence', () => {
    const page = textOf('docs/reference/errors.md');
    for (const code of errorCodes) assert.match(page, new RegExp(`^\\| \`${code}\` \\| .+[.:}](<br>.*)? \\|$`, 'm'));
    assert.doesNotMatch(page, /undefined|\[object/);
  });
});
