/** Mocha's spec report, and the counts in the file that COUNTS_FILE names; written as it goes, so that a crash keeps them. */
const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.COUNTS_FILE;
    if (file === undefined) return;
    const write = (ended) => {
      const { passes, failures, pending } = this.stats;
      writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, skipped: pending, ended }));
    };
    runner.on('suite end', () => write(false));
    runner.on('end', () => write(true));
  }
}

module.exports = CountingReporter;
