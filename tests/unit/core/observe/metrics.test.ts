import assert from 'node:assert/strict';
import { Scope } from '../../../../core/lifecycle/scope.ts';
import { measureProcess } from '../../../../core/observe/process-metrics.ts';
import { mostLabelSets, PrometheusMetrics } from '../../../../core/observe/prometheus-metrics.ts';

describe('the metrics', () => {
  it('are read when somebody asks', async () => {
    const metrics = new PrometheusMetrics();
    const scope = Scope.root('test');
    let value = 1;
    metrics.counter(scope, { name: 'units_total', help: 'Units.' }, () => value);
    metrics.gauge(scope, { name: 'open', help: 'Open.', labels: ['kind'] }, () => [
      { labels: { kind: 'a"\n' }, value: 2 },
    ]);
    assert.match(await metrics.text(), /^switchyard_units_total 1$/m);
    value = 7;
    const text = await metrics.text();
    assert.match(text, /^# TYPE switchyard_units_total counter$/m);
    assert.match(text, /^switchyard_units_total 7$/m);
    assert.match(text, /^switchyard_open\{kind="a\\"\\n"\} 2$/m);
  });

  it('go with their scope, and may come back', async () => {
    const metrics = new PrometheusMetrics();
    const [first, second] = [Scope.root('a'), Scope.root('b')];
    metrics.gauge(first, { name: 'open', help: 'Open.' }, () => 1);
    metrics.gauge(second, { name: 'open', help: 'Open.' }, () => 2);
    assert.match(await metrics.text(), /^switchyard_open 3$/m);
    await first.close({ code: 'done' });
    assert.match(await metrics.text(), /^switchyard_open 2$/m);
    await second.close({ code: 'done' });
    assert.doesNotMatch(await metrics.text(), /switchyard_open/);
    metrics.gauge(Scope.root('c'), { name: 'open', help: 'Open.' }, () => 9);
    assert.match(await metrics.text(), /^switchyard_open 9$/m);
  });

  it('refuse one name for two things, and counters that do not say so', () => {
    const metrics = new PrometheusMetrics();
    const scope = Scope.root('test');
    metrics.gauge(scope, { name: 'open', help: 'Open.' }, () => 1);
    assert.throws(() => metrics.gauge(scope, { name: 'open', help: 'Open.', labels: ['a'] }, () => 1), TypeError);
    assert.throws(() => metrics.counter(scope, { name: 'units', help: 'Units.' }, () => 1), TypeError);
  });

  it('keep the first label sets, and say how many they left out', async () => {
    const metrics = new PrometheusMetrics();
    const readings = Array.from({ length: mostLabelSets + 5 }, (_, n) => ({ labels: { stream: `s${n}` }, value: n }));
    metrics.gauge(Scope.root('test'), { name: 'bitrate', help: 'Rate.', labels: ['stream'] }, () => readings);
    const text = await metrics.text();
    assert.equal(text.match(/^switchyard_bitrate\{/gm)?.length, mostLabelSets);
    assert.match(text, /^switchyard_bitrate\{stream="s0"\} 0$/m);
    assert.match(text, /^switchyard_metrics_label_sets_dropped\{metric="bitrate"\} 5$/m);
  });

  it('survive a reader that throws', async () => {
    const failures: string[] = [];
    const metrics = new PrometheusMetrics({ onFailure: (metric) => failures.push(metric) });
    const scope = Scope.root('test');
    metrics.gauge(scope, { name: 'bad', help: 'Bad.' }, () => {
      throw new Error('broken');
    });
    metrics.gauge(scope, { name: 'good', help: 'Good.' }, () => 1);
    assert.match(await metrics.text(), /^switchyard_good 1$/m);
    assert.deepEqual(failures, ['bad']);
  });

  it('count in buckets', async () => {
    const metrics = new PrometheusMetrics();
    const observe = metrics.histogram(Scope.root('test'), { name: 'wait_seconds', help: 'Wait.', buckets: [0.1, 1] });
    for (const value of [0.05, 0.5, 5]) observe(value);
    const text = await metrics.text();
    assert.match(text, /^switchyard_wait_seconds_bucket\{le="1"\} 2$/m);
    assert.match(text, /^switchyard_wait_seconds_count 3$/m);
  });

  it('tell what the process uses', async () => {
    const metrics = new PrometheusMetrics();
    const scope = Scope.root('test');
    measureProcess(scope, metrics);
    const text = await metrics.text();
    for (const name of [
      'process_cpu_seconds_total',
      'process_memory_bytes',
      'process_open_descriptors',
      'open_scopes',
      'event_loop_delay_seconds',
    ]) {
      assert.match(text, new RegExp(`^switchyard_${name}(\\{.*\\})? \\d`, 'm'), name);
    }
    await scope.close({ code: 'done' });
  });
});
