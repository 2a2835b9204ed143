import assert from 'node:assert/strict';

/** Waits for what the other side of a socket will do; fails with what was waited for. */
export async function waitFor(what: string, holds: () => boolean, seconds = 5): Promise<void> {
  const until = performance.now() + seconds * 1_000;
  while (!holds()) {
    if (performance.now() > until) assert.fail(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
