import assert from 'node:assert/strict';
import { modules } from '../../modules/index.ts';
import { foldersIn, sourceFiles, textOf, trackedFiles } from './tree.ts';

/** Folders of wire/ that read no format: tools for those that do. */
const formatless = new Set(['bits']);
const tracked = new Set(trackedFiles);
const fuzzed = sourceFiles.filter((path) => path.startsWith('tests/fuzz/')).map(textOf);

describe('every format of wire/', () => {
  for (const format of foldersIn('wire').filter((name) => !formatless.has(name))) {
    it(`${format} has vectors`, () => {
      assert.ok(
        trackedFiles.some((path) => path.startsWith(`tests/vectors/${format}/`)),
        `tests/vectors/${format}/ is empty`,
      );
    });
    it(`${format} is fuzzed`, () => {
      assert.ok(
        fuzzed.some((text) => text.includes(`/wire/${format}/`)),
        `no file of tests/fuzz imports wire/${format}/`,
      );
    });
  }
});

describe('every module', () => {
  for (const { name } of modules) {
    it(`${name} has its files`, () => {
      for (const file of ['README.md', 'index.ts', 'config.ts']) {
        assert.ok(tracked.has(`modules/${name}/${file}`), `modules/${name}/${file} is missing`);
      }
    });
    // Who opens sessions and takes them through the core's doors, at an address that it tells. The media plane carries for others: it is
    // in the suite of those that signal.
    const all = sourceFiles.filter((path) => path.startsWith(`modules/${name}/`)).map(textOf);
    const does = (what: RegExp): boolean => all.some((text) => what.test(text));
    if (
      does(/\bsessions\.open\(/) &&
      does(/\bstreams\.(publish|subscribe)\(/) &&
      does(/\bdirection: '(publish|play)'/)
    ) {
      it(`${name} runs the conformance suite`, () => {
        const path = `tests/conformance/${name}.test.ts`;
        assert.ok(tracked.has(path), `${path} is missing`);
        assert.match(textOf(path), /\bconformance\(/);
      });
    }
  }

  it('has a contract that imports of ours only the core', () => {
    for (const path of sourceFiles.filter((file) => /^modules\/[^/]+\/contract\.ts$/.test(file))) {
      for (const [, from = ''] of textOf(path).matchAll(/from '([^']+)'/g)) {
        if (from.startsWith('.')) assert.match(from, /^\.\.\/\.\.\/core\//, `${path} imports ${from}`);
      }
    }
  });
});

describe('package.json', () => {
  const manifest = JSON.parse(textOf('package.json')) as Record<string, Record<string, string>>;
  it('pins exact versions', () => {
    const all = { ...manifest['dependencies'], ...manifest['devDependencies'] };
    assert.deepEqual(
      Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)),
      [],
    );
  });
  it('agrees with the lock file', () => {
    const lock = JSON.parse(textOf('package-lock.json')) as { packages: Record<string, Record<string, unknown>> };
    for (const kind of ['dependencies', 'devDependencies']) assert.deepEqual(lock.packages['']?.[kind], manifest[kind]);
  });
});
