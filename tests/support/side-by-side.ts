/**
 * Tests that wait for media in real time leave the machine idle: up to `most` of them run at once, in their order. Each is still a test with
 * a name, a failure and further tries of its own. They share what their `describe` sets up, so each has stream names of its own and ends
 * what it begins; those that load the machine, or time it, are not for this.
 */
export function sideBySide(most = 4): (title: string, run: () => Promise<unknown>) => void {
  const tests: { readonly run: () => Promise<unknown>; begun: Promise<unknown> | undefined }[] = [];
  return (title, run) => {
    const own = tests.push({ run, begun: undefined }) - 1;
    it(title, async () => {
      for (const test of tests.slice(own, own + most)) test.begun ??= begin(test.run);
      const [test] = tests.slice(own);
      const result = test?.begun;
      // Another try begins anew.
      if (test !== undefined) test.begun = undefined;
      await result;
    });
  };
}

function begin(run: () => Promise<unknown>): Promise<unknown> {
  const begun = run();
  // Its own test tells of a failure when its turn comes; until then nobody has asked for it.
  begun.catch(() => undefined);
  return begun;
}
