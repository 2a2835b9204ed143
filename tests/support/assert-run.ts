import assert from 'node:assert/strict';

/** Whether `part`, what somebody received, stands in `whole`, what was sent, without a gap, and is `least` long. */
export function assertRun(part: readonly string[], whole: readonly string[], least: number, what: string): void {
  assert.ok(part.length >= least, `${what}: ${part.length} of ${whole.length}`);
  const from = whole.indexOf(part[0] ?? '');
  assert.ok(from >= 0, `${what}: the first of ${part.length} is not of the ${whole.length} of the source`);
  assert.deepEqual(part, whole.slice(from, from + part.length), what);
}
