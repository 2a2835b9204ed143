import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { type ConfigSources, readConfiguration, readModuleReferences } from '../../../../core/config/configuration.ts';
import { parseConfigFile } from '../../../../core/config/layers.ts';
import { sameConfig } from '../../../../core/config/same-config.ts';
import {
  choice,
  duration,
  flag,
  type Infer,
  integer,
  limits,
  list,
  listen,
  optional,
  path,
  portRange,
  record,
  Secret,
  secret,
  section,
  text,
  tls,
} from '../../../../core/config/schema.ts';
import type { SectionPlan } from '../../../../core/config/section-plan.ts';
import { isError } from '../../../../core/errors.ts';

const schema = section({
  listen: listen({ port: 1935 }),
  admin: listen({ port: 50_999, administration: true }),
  idle: duration({ default: '60s', minimum: '1s', maximum: '1h', about: 'Silence.' }),
  mode: choice(['fast', 'slow'], { default: 'fast', about: 'Speed.' }),
  names: list(text({ about: 'A name.' }), { default: ['a'], about: 'Names.' }),
  push: list(section({ url: text({ about: 'Where.' }), retries: integer({ default: 3, about: 'How often.' }) }), {
    about: 'Targets.',
  }),
  aliases: record(text({ about: 'A name.' }), { about: 'Other names.' }),
  ports: portRange({ default: '33001-34000', about: 'Client ports.' }),
  password: optional(secret({ about: 'A password.' })),
  folder: optional(path({ about: 'A folder.' })),
  onConflict: flag({ default: true, about: 'A flag.' }),
  tls: tls(),
  limits: limits({ sessions: 5 }),
});

const plans: readonly SectionPlan[] = [
  {
    name: 'server',
    about: 'The server.',
    schema: section({ drain: duration({ default: '5s', about: 'x' }) }),
    runs: 'always',
  },
  { name: 'rtmp', about: 'RTMP.', schema, runs: 'unless-disabled' },
  {
    name: 'demo',
    about: 'Demo.',
    schema: section({ size: integer({ default: 1, about: 'x' }) }),
    runs: 'when-enabled',
  },
];

function sources(given: Partial<ConfigSources> & { environment?: Record<string, string> } = {}): ConfigSources {
  const { environment = {}, ...rest } = given;
  const readFile = (file: string): string => {
    if (file === '/etc/switchyard/password') return 'from a file\n';
    throw new Error(`ENOENT: ${file}`);
  };
  return { ...rest, surroundings: { folder: '/etc/switchyard', environment, readFile } };
}

function read(given: Parameters<typeof sources>[0] = {}) {
  return readConfiguration(plans, sources(given));
}

function rtmp(given: Parameters<typeof sources>[0] = {}): Infer<typeof schema> {
  return read(given).sections.get('rtmp') as never;
}

function problems(given: Parameters<typeof sources>[0]): string {
  try {
    read(given);
  } catch (error) {
    assert.ok(isError(error, 'config-invalid'), String(error));
    return error.detail.problems;
  }
  return assert.fail('the configuration was taken');
}

describe('the configuration', () => {
  it('gives the defaults for nothing, and for empty sections', () => {
    for (const tree of [{}, { rtmp: null }, { rtmp: { listen: null } }]) {
      const config = rtmp({ tree });
      assert.deepEqual(config.listen, { enabled: true, host: 'any', port: 1935 });
      assert.equal(config.admin.host, '127.0.0.1');
      assert.equal(config.idle, 60_000_000);
      assert.deepEqual(config.ports, { first: 33_001, last: 34_000 });
      assert.deepEqual(config.names, ['a']);
      assert.deepEqual(config.push, []);
      assert.equal(config.aliases.size, 0);
      assert.equal('password' in config, false);
      assert.equal(config.limits.sessions, 5);
    }
  });

  it('lays file, environment and settings over each other, the later wins', async () => {
    const file = await parseConfigFile(
      '/etc/switchyard/s.yaml',
      'rtmp:\n  idle: 10s\n  listen: { port: 1, host: "::1" }\n  mode: slow\n',
    );
    const environment = {
      SWITCHYARD_RTMP_LISTEN_PORT: '2',
      SWITCHYARD_RTMP_IDLE: '20s',
      SWITCHYARD_RTMP_ON_CONFLICT: 'off',
    };
    const config = rtmp({ file, environment, settings: ['rtmp.listen.port=3'] });
    assert.equal(config.mode, 'slow');
    assert.equal(config.idle, 20_000_000);
    assert.equal(config.onConflict, false);
    assert.deepEqual(config.listen, { enabled: true, host: '::1', port: 3 });
  });

  it('takes lists from the environment by commas, and sections as JSON', () => {
    const environment = {
      SWITCHYARD_RTMP_NAMES: 'x, y,z',
      SWITCHYARD_RTMP_PUSH: '[{"url":"rtmp://a/b"}]',
      SWITCHYARD_RTMP_ALIASES: '{"one":"two"}',
    };
    const config = rtmp({ environment });
    assert.deepEqual(config.names, ['x', 'y', 'z']);
    assert.deepEqual(config.push, [{ url: 'rtmp://a/b', retries: 3 }]);
    assert.deepEqual([...config.aliases], [['one', 'two']]);
  });

  it('switches modules off and on', () => {
    assert.deepEqual([...read().disabled], ['demo']);
    assert.ok(read({ tree: { rtmp: false } }).disabled.has('rtmp'));
    assert.ok(read({ tree: { rtmp: { enabled: false } } }).disabled.has('rtmp'));
    assert.ok(read({ environment: { SWITCHYARD_RTMP_ENABLED: 'no' } }).disabled.has('rtmp'));
    assert.ok(read({ settings: ['rtmp=false'] }).disabled.has('rtmp'));
    assert.ok(read({ tree: { rtmp: false }, settings: ['rtmp.enabled=true'] }).sections.has('rtmp'));
    assert.ok(read({ settings: ['demo=true'] }).sections.has('demo'));
    assert.equal('enabled' in (rtmp() as object), false);
  });

  it('tells every problem in one error, with its place and its origin', async () => {
    const yaml = 'rtmp:\n  listne: {}\n  idle: 10\n  push:\n    - retries: 1\n  mode: medium\nhls: {}\n';
    const file = await parseConfigFile('/etc/switchyard/s.yaml', yaml);
    const environment = { SWITCHYARD_RTMP_LISTEN_PORT: '65536' };
    assert.deepEqual(problems({ file, environment, settings: ['rtmp', 'rtmp.names.x=1'] }).split('\n'), [
      '  --set: "rtmp" is not of the form module.key=value',
      '  hls: there is no such key; the keys here are server, rtmp, demo, modules (/etc/switchyard/s.yaml:7)',
      '  rtmp.listne: there is no such key; did you mean "listen"? (/etc/switchyard/s.yaml:2)',
      '  rtmp.listen.port: 65536 is not a port, a whole number from 0 to 65535 (SWITCHYARD_RTMP_LISTEN_PORT)',
      '  rtmp.idle: 10 is not a duration with its unit, such as 10s, 250ms or 1h30m, at least 1s, at most 1h (/etc/switchyard/s.yaml:3)',
      '  rtmp.mode: "medium" is not one of fast, slow (/etc/switchyard/s.yaml:6)',
      '  rtmp.names: {"x":"1"} is not a list of at most 10000, each a text of at most 4096 characters (--set)',
      '  rtmp.push[0].url: a value is needed: a text of at most 4096 characters (/etc/switchyard/s.yaml:5)',
    ]);
  });

  it('refuses what is out of bounds or of the wrong kind', () => {
    const wrong: readonly Record<string, unknown>[] = [
      { idle: '10ms' },
      { idle: '2h' },
      { idle: null, mode: 3 },
      { listen: [] },
      { listen: { host: 'a b' } },
      { listen: { port: '1935' } },
      { listen: { port: 1.5 } },
      { ports: '34000-33001' },
      { onConflict: 'yes' },
      { aliases: [] },
      { folder: 'a\0b' },
    ];
    for (const tree of wrong) assert.match(problems({ tree: { rtmp: tree } }), /is not/);
  });

  it('reads secrets by reference alone, and shows them nowhere', () => {
    const fromFile = rtmp({ tree: { rtmp: { password: 'file:password' } } });
    assert.equal(fromFile.password?.reveal(), 'from a file');
    const fromEnvironment = rtmp({ tree: { rtmp: { password: 'env:PASS' } }, environment: { PASS: 'hunter2' } });
    assert.equal(fromEnvironment.password?.reveal(), 'hunter2');
    for (const shown of [JSON.stringify(fromEnvironment), inspect(fromEnvironment), String(fromEnvironment.password)]) {
      assert.doesNotMatch(shown, /hunter2/);
    }
    const literal = problems({ tree: { rtmp: { password: 'hunter2' } } });
    assert.match(literal, /rtmp.password: the value is not a reference to a secret/);
    assert.doesNotMatch(literal, /hunter2/);
    assert.match(problems({ tree: { rtmp: { password: 'env:GONE' } } }), /environment variable GONE is not set/);
    assert.match(problems({ tree: { rtmp: { password: 'file:gone' } } }), /gone cannot be read/);
  });

  it('starts relative paths at the folder of the file', () => {
    assert.equal(rtmp({ tree: { rtmp: { folder: 'media' } } }).folder, '/etc/switchyard/media');
    assert.equal(rtmp({ tree: { rtmp: { tls: { certificate: '/a/b.pem' } } } }).tls.certificate, '/a/b.pem');
  });

  it('takes no harm from keys of the prototype', async () => {
    const file = await parseConfigFile(
      'x',
      '__proto__: { polluted: 1 }\nrtmp: { constructor: 1, __proto__: { mode: slow } }\n',
    );
    const told = problems({ file, settings: ['__proto__.polluted=1', 'rtmp.__proto__.polluted=1'] });
    assert.match(told, /__proto__: there is no such key/);
    assert.match(told, /rtmp\.constructor: there is no such key/);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });

  it('keeps control characters of keys and values out of the problems', () => {
    const told = problems({ tree: { rtmp: { 'a\u001b[2Jb': 1, mode: 'x\r\ny' } } });
    for (const character of '\r\u001b') assert.ok(!told.includes(character));
    assert.equal(told.split('\n').length, 2);
  });
});

describe('the configuration file', () => {
  it('tells the line of a mistake of syntax', async () => {
    const file = await parseConfigFile('s.yaml', 'rtmp:\n  idle: [1,\nhls: {}}\n');
    assert.match(problems({ file }), /line \d+ is not YAML/);
  });
  it('refuses a key that stands twice', async () => {
    assert.match(
      problems({ file: await parseConfigFile('s.yaml', 'rtmp: {}\nrtmp: {}\n') }),
      /line 2 is not YAML.*unique/,
    );
  });
  it('refuses what is no list of sections', async () => {
    for (const yaml of ['- a\n', 'text\n', '5\n']) {
      assert.match(problems({ file: await parseConfigFile('s.yaml', yaml) }), /not a list of sections/);
    }
  });
  it('takes an empty file', async () => {
    for (const yaml of ['', '# nothing\n', '---\n']) assert.ok(read({ file: await parseConfigFile('s.yaml', yaml) }));
  });
  it('bounds what aliases multiply', async () => {
    const rows = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
    for (let row = 1; row < 10; row += 1)
      rows.push(
        `a${row}: &a${row} [${Array(10)
          .fill(`*a${row - 1}`)
          .join(',')}]`,
      );
    assert.match(problems({ file: await parseConfigFile('s.yaml', rows.join('\n')) }), /alias/i);
  });
  it('refuses nesting that would be beyond the stack, before it is parsed', async () => {
    const dashes = `rtmp:\n  ${'- '.repeat(50_000)}`;
    const blocks = Array.from({ length: 900 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n');
    for (const text of [`rtmp: ${'['.repeat(50_000)}`, `rtmp: ${'{a: '.repeat(50_000)}`, dashes, blocks]) {
      assert.match(problems({ file: await parseConfigFile('s.yaml', text) }), /nested too deep/);
    }
    const file = await parseConfigFile('s.yaml', `rtmp: { a: ${'['.repeat(100)}${']'.repeat(100)} }`);
    assert.deepEqual(file.problems, []);
  });
});

describe("the list of third parties' modules", () => {
  it('reads paths and packages', () => {
    const tree = { modules: [{ path: './a.js' }, { package: 'b' }] };
    assert.deepEqual(readModuleReferences(sources({ tree })), [{ path: './a.js' }, { package: 'b' }]);
  });
  it('refuses anything else', () => {
    for (const modules of [{}, 'a', [1], [{}], [{ path: 1 }], [{ url: 'x' }], [{ path: 'a', package: 'b' }]]) {
      assert.throws(
        () => readModuleReferences(sources({ tree: { modules } })),
        (error) => isError(error, 'config-invalid'),
      );
    }
  });
});

describe('sameConfig', () => {
  it('tells what differs, secrets and maps included', () => {
    const make = (secret: string, alias: string) => ({ a: [1, { b: new Secret(secret) }], m: new Map([['k', alias]]) });
    assert.ok(sameConfig(make('x', 'y'), make('x', 'y')));
    assert.ok(!sameConfig(make('x', 'y'), make('z', 'y')));
    assert.ok(!sameConfig(make('x', 'y'), make('x', 'z')));
    assert.ok(!sameConfig({ a: 1 }, { a: 1, b: 2 }));
    assert.ok(!sameConfig([1], { 0: 1 }));
  });
});
