import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { builtPageFolder, loadPage } from '../../../../modules/http/page-files.ts';

describe('loadPage', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-page-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('knows the files of the folder by name, packed where that helps', async () => {
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), '<p>short</p>');
    await writeFile(join(folder, 'assets', 'app-1a2b.js'), 'x'.repeat(5_000));
    const files = await loadPage(folder);
    assert.deepEqual([...files.keys()].sort(), ['assets/app-1a2b.js', 'index.html']);
    const script = files.get('assets/app-1a2b.js');
    assert.equal(script?.lasting, true);
    assert.equal(gunzipSync(script.gzipped ?? '').length, 5_000);
    assert.equal(files.get('index.html')?.gzipped, undefined);
    assert.equal(files.get('index.html')?.lasting, false);
  });

  it('follows no symbolic link and takes no file of another kind', async () => {
    await symlink('/etc/passwd', join(folder, 'passwd.txt'));
    await writeFile(join(folder, 'run.sh'), 'true');
    assert.equal((await loadPage(folder)).size, 0);
  });

  it('is empty where there is no page', async () => {
    assert.equal((await loadPage(join(folder, 'none'))).size, 0);
  });

  it('looks beside the bundle, or where the build leaves it for the sources', () => {
    assert.equal(builtPageFolder('/opt/app/modules/http'), '/opt/app/dist/page');
    assert.equal(builtPageFolder('/opt/app/dist'), '/opt/app/dist/page');
  });
});
