import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { sourceFiles, textOf, trackedFiles } from './tree.ts';

const longest = 400;
const mostMembers = 8;
/** House words: what such a name says nothing about. */
const emptyWords = /(^|[-_.])(manager|helpers?|utils?|wrapper|impl)([-_.]|$)/i;
const emptyTypeWords = /(Manager|Helpers?|Utils?|Wrapper|Impl)(?=[A-Z]|$)/;

function members(body: string): number {
  // Properties hold data; methods are what a user must learn.
  return body.match(/^ {2}[A-Za-z][\w]*\??(?:<[^>]*>)?\(/gm)?.length ?? 0;
}

describe('every source file', () => {
  it(`has at most ${longest} lines`, () => {
    const long = sourceFiles.filter((path) => textOf(path).split('\n').length - 1 > longest);
    assert.deepEqual(long, []);
  });

  it('has a kebab-case name that says what it holds', () => {
    const wrong = sourceFiles.filter((path) => {
      const name = basename(path)
        .replace(/(\.test|\.d)?\.tsx?$/, '')
        .replace(/\.config$/, '');
      return !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || emptyWords.test(name);
    });
    assert.deepEqual(wrong, []);
  });

  it('names its types after what they are', () => {
    const wrong = sourceFiles.flatMap((path) =>
      [...textOf(path).matchAll(/^(?:export )?(?:abstract )?(?:class|interface|type) (\w+)/gm)]
        .map(([, name = '']) => name)
        .filter((name) => emptyTypeWords.test(name))
        .map((name) => `${path}: ${name}`),
    );
    assert.deepEqual(wrong, []);
  });

  it(`has interfaces of at most ${mostMembers} methods`, () => {
    const wrong = sourceFiles.flatMap((path) =>
      [...textOf(path).matchAll(/^(?:export )?interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)]
        .filter(([, , body = '']) => members(body) > mostMembers)
        .map(([, name]) => `${path}: ${name}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('exports by name', () => {
    const wrong = sourceFiles.filter((path) => {
      return !/(^|\/)(vite|eslint)\.config\.ts$/.test(path) && /^export default /m.test(textOf(path));
    });
    assert.deepEqual(wrong, []);
  });

  it('has nothing left to do', () => {
    // In brackets, so that this line does not find itself.
    const wrong = sourceFiles.filter((path) => /\b([T]ODO|[F]IXME|[X]XX)\b/.test(textOf(path)));
    assert.deepEqual(wrong, []);
  });
});

describe('every tracked file', () => {
  const texts = trackedFiles.filter((path) =>
    /\.(ts|tsx|js|cjs|mjs|json|md|yaml|yml|html|css|sh)$|^\.|^scripts\//.test(path),
  );

  it('names no package registry', () => {
    const host = /registry\.[a-z0-9-]+\.(org|com|io|net)|npm\.pkg\.github|"resolved":/i;
    assert.deepEqual(
      texts.filter((path) => !path.startsWith('tests/architecture/') && host.test(textOf(path))),
      [],
    );
  });

  it('names no path of one machine', () => {
    const own = /(^|[\s"'`(=])\/(work|root|home\/\w+|Users\/\w+)\//m;
    const wrong = texts.filter((path) => !path.startsWith('tests/architecture/') && own.test(textOf(path)));
    assert.deepEqual(wrong, []);
  });
});
