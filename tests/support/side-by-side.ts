/**
 * Tests that wait for media in real time leave the machine idle: up to `most` of them run at once, in their order. Each is still a test with
 * a name, a failure and further tries of its own. They share what their `describe` sets up, so each has stream names of its own and ends
 * what it begins; those that load the machine, or time it, are not for this.
 */
export function sideBySide(most = 4): (title: string, run: () => Promise<unknown>) => void {
  const tests: TestBeside[] = [];
  return (title, run) => {
    const own = new TestBeside(run);
    tests.push(own);
    it(title, () => {
      const first = tests.indexOf(own);
      for (const next of tests.slice(first + 1, first + most)) next.begin();
      return own.finish();
    });
  };
}

class TestBeside {
  readonly #run: () => Promise<unknown>;
  #begun: Promise<unknown> | undefined;
  #isOver = false;

  constructor(run: () => Promise<unknown>) {
    this.#run = run;
  }

  /** Ahead of its turn. */
  begin(): void {
    if (this.#begun !== undefined || this.#isOver) return;
    this.#begun = this.#run();
    // Its own turn tells of a failure; until then nobody has asked.
    this.#begun.catch(() => undefined);
  }

  /** Its turn has come: what was begun, or another try. */
  async finish(): Promise<void> {
    const begun = this.#begun ?? this.#run();
    this.#begun = undefined;
    this.#isOver = true;
    await begun;
  }
}
