// Loaded before the tests (.mocharc.json): properties are tried with the same values in every run, and with others when told
// (FUZZ_SEED). A failure is then a failure everywhere, and can be looked at.
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.FUZZ_SEED ?? 42) });
