import { Buffer } from 'node:buffer';
import fc from 'fast-check';

/** One of `sources` with a few bytes changed, then cut short, lengthened or left. */
export function mutated(sources: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)));
  return fc
    .tuple(
      fc.constantFrom(...sources),
      fc.array(change, { maxLength: 6 }),
      fc.option(fc.nat(), { nil: undefined }),
      fc.uint8Array({ maxLength: 8 }),
    )
    .map(([source, changes, cut, tail]) => {
      const bytes = Buffer.from(source);
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      const kept = cut === undefined ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
      return Buffer.concat([kept, tail]);
    });
}
