import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileName, findFile, readFileName } from '../../../transcoders/vod/file-name.ts';

describe('Names of files as streams', () => {
  it('have one grammar', () => {
    assert.deepEqual(readFileName('vod://a.mp4'), { live: false, segments: ['a.mp4'] });
    assert.deepEqual(readFileName('vod-live://shows/one_(2).v3.MKV'), {
      live: true,
      segments: ['shows', 'one_(2).v3.MKV'],
    });
  });

  for (const name of [
    'room',
    'vod:/a.mp4',
    'vod://',
    'vod:///etc/a.mp4',
    'vod://../a.mp4',
    'vod://x/../a.mp4',
    'vod://x//a.mp4',
    'vod://./a.mp4',
    'vod://.hidden.mp4',
    'vod://x/.git/a.mp4',
    'vod://a%2emp4',
    'vod://..%2fa.mp4',
    'vod://x\\a.mp4',
    'vod://-i.mp4',
    'vod://a b.mp4',
    'vod://a.mp4?b',
    'vod://a.m3u8',
    'vod://a.txt',
    'vod://a',
    'VOD://a.mp4',
    `vod://${'a/'.repeat(9)}a.mp4`,
    `vod://${'a'.repeat(200)}.mp4`,
    'http://a.mp4',
  ]) {
    it(`have no place for ${name.slice(0, 40)}`, () => assert.equal(readFileName(name), undefined));
  }

  describe('in a folder', () => {
    const root = mkdtempSync(join(tmpdir(), 'vod-names-'));
    const folder = join(root, 'media');
    const find = (name: string): Promise<string | undefined> => findFile(folder, readFileName(name) as FileName);

    before(() => {
      mkdirSync(join(folder, 'shows'), { recursive: true });
      mkdirSync(join(folder, 'folder.mp4'));
      for (const file of ['outside.mp4', 'media/one.mp4', 'media/shows/two.mp4']) writeFileSync(join(root, file), '');
      symlinkSync(join(root, 'outside.mp4'), join(folder, 'link.mp4'));
      symlinkSync(root, join(folder, 'up'));
      symlinkSync(join(folder, 'one.mp4'), join(folder, 'inside.mp4'));
    });

    after(() => rmSync(root, { recursive: true }));

    it('are found, also by a link that stays inside', async () => {
      assert.equal(await find('vod://one.mp4'), join(folder, 'one.mp4'));
      assert.equal(await find('vod://shows/two.mp4'), join(folder, 'shows', 'two.mp4'));
      assert.equal(await find('vod://inside.mp4'), join(folder, 'one.mp4'));
    });

    it('are not found outside, however they are written', async () => {
      for (const name of ['vod://link.mp4', 'vod://up/outside.mp4', 'vod://none.mp4', 'vod://folder.mp4']) {
        assert.equal(await find(name), undefined, name);
      }
      assert.equal(await findFile(folder, { live: false, segments: ['..', 'outside.mp4'] }), undefined);
      assert.equal(await findFile(join(root, 'nowhere'), { live: false, segments: ['one.mp4'] }), undefined);
    });
  });
});
