import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { parseH264Sps } from '../../core/media/codecs/h264-sps.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260801);

/** Writes an SPS bit by bit, as ISO/IEC 14496-10 7.3.2.1.1 lists it. */
class SpsWriter {
  #bits = '';

  u(count: number, value: number): this {
    this.#bits += value.toString(2).padStart(count, '0');
    return this;
  }

  ue(value: number): this {
    const code = (value + 1).toString(2);
    this.#bits += '0'.repeat(code.length - 1) + code;
    return this;
  }

  se(value: number): this {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }

  /** The NAL unit: stop bit, zeros to a byte, emulation prevention. */
  nal(): Buffer {
    const bits = `${this.#bits}1`;
    const bytes = [0x67];
    let zeros = 0;
    for (let at = 0; at < bits.length; at += 8) {
      const byte = Number.parseInt(bits.slice(at, at + 8).padEnd(8, '0'), 2);
      if (zeros >= 2 && byte <= 3) {
        bytes.push(3);
        zeros = 0;
      }
      bytes.push(byte);
      zeros = byte === 0 ? zeros + 1 : 0;
    }
    return Buffer.from(bytes);
  }
}

const sps = fc.record({
  profile: fc.constantFrom(66, 77, 88, 100, 110, 122, 244),
  constraints: fc.constantFrom(0, 0x40, 0x80, 0xc0),
  level: fc.constantFrom(9, 10, 31, 42, 62),
  id: fc.nat(31),
  chromaFormat: fc.nat(3),
  depth: fc.nat(6),
  scalingLists: fc.option(fc.array(fc.integer({ min: -128, max: 127 }), { minLength: 64, maxLength: 64 }), {
    nil: undefined,
  }),
  orderType: fc.nat(2),
  cycle: fc.array(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), { maxLength: 255 }),
  columns: fc.integer({ min: 1, max: 1000 }),
  rows: fc.integer({ min: 1, max: 500 }),
  interlaced: fc.boolean(),
  crop: fc.option(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(1), fc.nat(1)), { nil: undefined }),
  timing: fc.option(fc.tuple(fc.integer({ min: 1, max: 2 ** 31 }), fc.integer({ min: 1, max: 2 ** 31 })), {
    nil: undefined,
  }),
  hrds: fc.nat(3),
  reorder: fc.option(fc.nat(16), { nil: undefined }),
});

type Fields = typeof sps extends fc.Arbitrary<infer T> ? T : never;

const hasFormat = (of: Fields): boolean => of.profile >= 100;
const chromaOf = (of: Fields): number => (hasFormat(of) ? of.chromaFormat : 1);

function writeFormat(writer: SpsWriter, of: Fields): void {
  if (!hasFormat(of)) return;
  writer.ue(of.chromaFormat);
  if (of.chromaFormat === 3) writer.u(1, 0);
  writer.ue(of.depth).ue(of.depth).u(1, 0);
  writer.u(1, of.scalingLists === undefined ? 0 : 1);
  const lists = of.chromaFormat === 3 ? 12 : 8;
  for (let list = 0; list < lists && of.scalingLists !== undefined; list++) {
    const present = list % 3 !== 2;
    writer.u(1, present ? 1 : 0);
    if (present) writeScalingList(writer, of.scalingLists.slice(0, list < 6 ? 16 : 64));
  }
}

function writeScalingList(writer: SpsWriter, deltas: readonly number[]): void {
  let last = 8;
  for (const delta of deltas) {
    writer.se(delta);
    last = (last + delta + 256) % 256;
    if (last === 0) return;
  }
}

function writeOrder(writer: SpsWriter, of: Fields): void {
  writer.ue(3).ue(of.orderType);
  if (of.orderType === 0) writer.ue(5);
  if (of.orderType !== 1) return;
  writer.u(1, 0).se(-3).se(4).ue(of.cycle.length);
  for (const offset of of.cycle) writer.se(offset);
}

function writeSize(writer: SpsWriter, of: Fields): void {
  writer
    .ue(4)
    .u(1, 0)
    .ue(of.columns - 1)
    .ue(of.rows - 1)
    .u(1, of.interlaced ? 0 : 1);
  if (of.interlaced) writer.u(1, 1);
  writer.u(1, 1).u(1, of.crop === undefined ? 0 : 1);
  for (const edge of of.crop ?? []) writer.ue(edge);
}

/** E.1.1, every optional part there but those that the fields leave out. */
function writeVui(writer: SpsWriter, of: Fields): void {
  writer.u(1, 1).u(8, 255).u(16, 4).u(16, 3).u(1, 1).u(1, 0).u(1, 1).u(4, 11).u(1, 1).u(24, 0x010101);
  writer.u(1, 1).ue(2).ue(2);
  writer.u(1, of.timing === undefined ? 0 : 1);
  if (of.timing !== undefined) writer.u(32, of.timing[0]).u(32, of.timing[1]).u(1, 1);
  for (const bit of [1, 2]) {
    const present = (of.hrds & bit) !== 0;
    writer.u(1, present ? 1 : 0);
    if (present) writer.ue(1).u(8, 0x12).ue(5).ue(6).u(1, 0).ue(7).ue(8).u(1, 1).u(20, 0x12345);
  }
  if (of.hrds !== 0) writer.u(1, 0);
  writer.u(1, 1).u(1, of.reorder === undefined ? 0 : 1);
  if (of.reorder !== undefined) writer.u(1, 1).ue(2).ue(1).ue(10).ue(10).ue(of.reorder).ue(16);
}

function sizeOf(of: Fields): { width: number; height: number } {
  const chroma = chromaOf(of);
  const field = of.interlaced ? 2 : 1;
  const [left, right, top, bottom] = of.crop ?? [0, 0, 0, 0];
  return {
    width: of.columns * 16 - (left + right) * (chroma === 1 || chroma === 2 ? 2 : 1),
    height: of.rows * 16 * field - (top + bottom) * (chroma === 1 ? 2 : 1) * field,
  };
}

function reordersBy(of: Fields): boolean | undefined {
  if (of.profile === 66 || of.orderType === 2) return false;
  return of.reorder === undefined ? undefined : of.reorder > 0;
}

describe(`H.264 SPS (FUZZ_SEED=${seed})`, () => {
  it('reads what is written, whatever the fields', () => {
    const reads = fc.property(sps, (of) => {
      const writer = new SpsWriter().u(8, of.profile).u(8, of.constraints).u(8, of.level).ue(of.id);
      writeFormat(writer, of);
      writeOrder(writer, of);
      writeSize(writer, of);
      writer.u(1, 1);
      writeVui(writer, of);
      const rate = of.timing === undefined ? undefined : of.timing[1] / (2 * of.timing[0]);
      const depth = hasFormat(of) ? 8 + of.depth : 8;
      assert.deepEqual(parseH264Sps(writer.nal()), {
        id: of.id,
        profile: of.profile,
        constraints: of.constraints,
        level: of.level,
        chromaFormat: chromaOf(of),
        bitDepthLuma: depth,
        bitDepthChroma: depth,
        ...sizeOf(of),
        interlaced: of.interlaced,
        frameRate: rate !== undefined && rate <= 1000 ? rate : undefined,
        bFrames: reordersBy(of),
      });
    });
    fc.assert(reads, { seed, numRuns: 500 });
  });
});
