import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Secret } from '../../../../core/config/secret.ts';
import { SwitchyardError } from '../../../../core/errors.ts';
import { captureLog } from '../../../support/captured-log.ts';

function firstOf(lines: readonly string[]): Record<string, unknown> {
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('the log', () => {
  it('writes one JSON object a line, with the facts of its parents', () => {
    const { log, lines } = captureLog();
    log.child({ module: 'rtmp' }).child({ session: 's1' }).warn('It happened.', { count: 3 });
    const { time, ...rest } = firstOf(lines);
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
    assert.deepEqual(rest, { level: 'warn', module: 'rtmp', session: 's1', count: 3, message: 'It happened.' });
  });

  it('keeps its level, and takes another while it runs, children included', () => {
    const { log, lines } = captureLog();
    const child = log.child({ module: 'x' });
    log.adjust({ level: 'warn', format: 'json' });
    child.info('no');
    child.warn('yes');
    log.adjust({ level: 'silent', format: 'json' });
    child.error('no');
    assert.equal(lines.length, 1);
  });

  it('hides secrets in keys, queries and URLs, in both formats', () => {
    for (const format of ['json', 'text'] as const) {
      const { log, lines } = captureLog(format);
      log.info('GET /live?token=hunter2&a=1 of rtmp://bob:hunter2@host/live', {
        password: 'hunter2',
        headers: { authorization: 'Bearer hunter2', 'x-api-key': 'hunter2' },
        list: ['rtmp://h/app/name?key=hunter2', { streamKey: 'hunter2' }],
        secret: new Secret('hunter2'),
        other: new Secret('hunter2'),
        error: new Error('cannot open rtmp://bob:hunter2@host?access_token=hunter2'),
        url: new URL('http://host/?password=hunter2'),
      });
      assert.doesNotMatch(lines.join(''), /hunter2/);
      assert.match(lines.join(''), /a=1/);
    }
  });

  it('shows what flags and harmless words say', () => {
    const { log, lines } = captureLog();
    log.info('monkey=1', { keyframe: true, tokenRequired: true, keys: 2, key: undefined });
    assert.deepEqual(firstOf(lines)['keyframe'], true);
    assert.deepEqual(firstOf(lines)['tokenRequired'], true);
    assert.deepEqual(firstOf(lines)['message'], 'monkey=1');
  });

  it('is one printable line whatever a stranger says', () => {
    for (const format of ['json', 'text'] as const) {
      const text = fc.string({ unit: 'binary', maxLength: 200 });
      fc.assert(
        fc.property(text, text, (sentence, fact) => {
          const { log, lines } = captureLog(format);
          log.info(sentence, { fact, inner: { [fact]: [fact] } });
          const line = lines.join('');
          assert.ok(line.endsWith('\n'));
          // eslint-disable-next-line no-control-regex
          assert.doesNotMatch(line.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
          if (format === 'json') JSON.parse(line);
        }),
      );
    }
  });

  it('bounds what one line can cost', () => {
    const { log, lines } = captureLog();
    const circle: Record<string, unknown> = { big: 'x'.repeat(100_000), bytes: Buffer.alloc(1_000_000) };
    circle['self'] = circle;
    log.info('y'.repeat(100_000), { circle, many: Array(100_000).fill(1), count: 10n });
    assert.ok((lines[0] ?? '').length < 100_000);
  });

  it('writes errors with their code and stack, and as text on one line', () => {
    const error = new SwitchyardError('stream-not-found', { stream: 'a' });
    const json = captureLog();
    json.log.error('It failed.', { error });
    const written = firstOf(json.lines)['error'] as Record<string, unknown>;
    assert.equal(written['code'], 'stream-not-found');
    assert.match(String(written['stack']), /log\.test\.ts/);
    const text = captureLog('text');
    text.log.child({ module: 'hls' }).error('It failed.', { error });
    assert.match(text.lines[0] ?? '', /^\d\d:\d\d:\d\d\.\d{3} error hls: It failed\. error="There is no stream.*\n$/);
  });
});
