import assert from 'node:assert/strict';
import { estimateIndex, ReplayWindow, SourceWindows } from '../../../../wire/srtp/packet-index.ts';

describe('the index of an SRTP packet', () => {
  for (const [highest, sequence, index] of [
    [-1, 0, 0],
    [-1, 65535, 65535],
    [0, 32768, 32768],
    [0, 32769, -32767],
    [100, 90, 90],
    [65535, 0, 65536],
    [65535, 32767, 65535 - 32768],
    [65535, 32766, 65536 + 32766],
    [32768, 0, 0],
    [65536 + 5, 65530, 65530],
    [2 ** 48 - 1, 65535, 2 ** 48 - 1],
    [2 ** 48 - 1, 0, 2 ** 48],
  ] as const) {
    it(`behind ${highest}, sequence number ${sequence}, is ${index}`, () => {
      assert.equal(estimateIndex(highest, sequence), index);
    });
  }
});

describe('a replay window', () => {
  it('knows the last 128 packets', () => {
    const window = new ReplayWindow();
    window.accept(1000);
    assert.equal(window.isFresh(1000), false);
    assert.equal(window.isFresh(873), true);
    assert.equal(window.isFresh(872), false);
    window.accept(873);
    assert.equal(window.isFresh(873), false);
    assert.equal(window.isFresh(-1), false);
  });

  it('forgets what it passes, far and near', () => {
    for (const jump of [1, 5, 127, 128, 129, 100_000]) {
      const window = new ReplayWindow();
      for (let index = 0; index < 200; index += 1) window.accept(index);
      window.accept(199 + jump);
      for (let index = 200 + jump; index > 72 + jump && index >= 200; index -= 1) {
        assert.equal(window.isFresh(index), index !== 199 + jump, `${jump}: ${index}`);
      }
      for (let index = 199; index > 0; index -= 1) assert.equal(window.isFresh(index), false, `${jump}: ${index}`);
    }
  });
});

describe('the windows of sources', () => {
  it('are as many as allowed', () => {
    const windows = new SourceWindows(2);
    const first = windows.add(1);
    assert.notEqual(first, undefined);
    assert.notEqual(windows.add(2), undefined);
    assert.ok(windows.isFull);
    assert.equal(windows.add(3), undefined);
    assert.equal(windows.find(1), first);
    assert.equal(windows.find(3), undefined);
    assert.equal(windows.find(1), first);
    assert.equal(windows.size, 2);
  });
});
