import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { findDescriptor, findOpusChannels, findRegistration } from '../../wire/mpegts/descriptors.ts';
import { TsMuxer } from '../../wire/mpegts/muxer.ts';
import { StreamType } from '../../wire/mpegts/packet.ts';
import { splitOpusPayload } from '../../wire/mpegts/payloads.ts';
import { readPesHeader } from '../../wire/mpegts/pes.ts';
import { readPat, readPmt } from '../../wire/mpegts/psi.ts';
import { demuxAll, inChunks } from '../vectors/mpegts/collect.ts';
import { readStream, streamNames } from '../vectors/mpegts/vectors.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260801);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);
const settings = { seed, numRuns };
const noise = fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes));

/** A demuxer throws nothing at all, and hands out no more than it was given. */
function demux(bytes: Buffer, chunkSize: number): void {
  const { pes, programs, pcrs, demuxer } = demuxAll(inChunks(bytes, chunkSize), {
    maxPesBytes: 4000,
    maxBufferedBytes: 20_000,
  });
  let handedOut = 0;
  for (const { payload, pts } of pes) {
    handedOut += payload.length;
    assert.ok(payload.length <= 4000);
    assert.ok(pts === undefined || (pts >= 0 && pts < 2 ** 33));
  }
  assert.ok(handedOut <= bytes.length);
  assert.ok(demuxer.counters.packets * 188 + demuxer.skippedBytes <= bytes.length);
  assert.ok(pcrs.length <= demuxer.counters.packets);
  for (const program of programs) assert.ok(program.tracks.length <= 32);
}

function tolerate(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

const mutated = fc
  .tuple(
    fc.constantFrom(...streamNames),
    fc.array(fc.tuple(fc.nat(5300), fc.integer({ min: 0, max: 255 })), { maxLength: 40 }),
    fc.option(fc.tuple(fc.nat(5000), fc.nat(400)), { nil: undefined }),
  )
  .map(([name, changes, hole]) => {
    const bytes = Buffer.from(readStream(name));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return hole === undefined ? bytes : Buffer.concat([bytes.subarray(0, hole[0]), bytes.subarray(hole[0] + hole[1])]);
  });

const PIDS = [0x0000, 0x1000, 0x0100, 0x0101];
const tables = new TsMuxer({
  tracks: [
    { pid: 0x100, streamType: StreamType.h264 },
    { pid: 0x101, streamType: StreamType.adtsAac },
  ],
}).tables();

/** Real tables, then packets of the PIDs that they announce, with anything inside; every other one begins a PES packet. */
const packets = fc
  .array(fc.tuple(fc.constantFrom(...PIDS), fc.boolean(), fc.uint8Array({ minLength: 185, maxLength: 185 })), {
    maxLength: 20,
  })
  .map((all) => {
    const pieces = [tables];
    for (const [pid, start, rest] of all) {
      const packet = Buffer.concat([Buffer.of(0x47, (start ? 0x40 : 0) | (pid >> 8), pid & 0xff), rest]);
      packet[3] = (packet[3] ?? 0) & 0x3f; // Not scrambled
      if (start && (packet[3] & 0x20) === 0) packet.set([0, 0, 1, 0xe0, 0, (packet[9] ?? 0) & 0x7f, 0x84], 4);
      pieces.push(packet);
    }
    return Buffer.concat(pieces);
  });

describe(`MPEG-TS under fuzz (FUZZ_SEED=${seed})`, () => {
  it('reads noise', () => {
    fc.assert(fc.property(noise, fc.integer({ min: 1, max: 3000 }), demux), settings);
  });

  it('reads mutated streams', () => {
    fc.assert(fc.property(mutated, fc.integer({ min: 1, max: 3000 }), demux), settings);
  });

  it('reads packets of nonsense', () => {
    fc.assert(fc.property(packets, fc.integer({ min: 1, max: 3000 }), demux), settings);
  });

  it('reads tables, headers, descriptors and Opus payloads', () => {
    const small = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const readers = fc.property(small, fc.constantFrom(0, 2), (bytes, tableId) => {
      const section = Buffer.concat([Buffer.of(tableId), bytes]);
      tolerate(() => readPat(section));
      tolerate(() => readPmt(section));
      tolerate(() => splitOpusPayload(bytes));
      tolerate(() => splitOpusPayload(Buffer.concat([Buffer.of(0x7f, 0xe0 | tableId), bytes])));
      readPesHeader(bytes, bytes.length);
      readPesHeader(Buffer.concat([Buffer.of(0, 0, 1, 0xe0, 0, 0, 0x80), bytes]), bytes.length + 7);
      findDescriptor(bytes, 5);
      findRegistration(bytes);
      findOpusChannels(bytes);
    });
    fc.assert(readers, { seed, numRuns: numRuns * 5 });
  });
});
