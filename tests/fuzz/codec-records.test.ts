import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { readAdtsHeader } from '../../wire/codec-records/adts.ts';
import {
  outputChannels,
  outputSampleRate,
  readAudioSpecificConfig,
  samplesPerFrame,
  writeAudioSpecificConfig,
} from '../../wire/codec-records/audio-specific-config.ts';
import { readAv1Record, writeAv1Record } from '../../wire/codec-records/av1-record.ts';
import { readAvcRecord, writeAvcRecord } from '../../wire/codec-records/avc-record.ts';
import { readFlacRecord } from '../../wire/codec-records/flac-record.ts';
import { readHevcRecord, writeHevcRecord } from '../../wire/codec-records/hevc-record.ts';
import { maxNalUnits, splitAnnexB, splitLengthPrefixed } from '../../wire/codec-records/nal.ts';
import { maxObus, splitObus, withObuSizes } from '../../wire/codec-records/obu.ts';
import { readDops, readOpusHead, writeDops, writeOpusHead } from '../../wire/codec-records/opus-record.ts';
import { readVpRecord, writeVpRecord } from '../../wire/codec-records/vp-record.ts';
import { WireError } from '../../wire/errors.ts';
import records from '../vectors/codec-records/records.json' with { type: 'json' };
import streams from '../vectors/codec-records/streams.json' with { type: 'json' };
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260803);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2000);

/** Runs a reader; anything but a WireError escapes and fails. */
function tolerate(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

/** What a reader took must come back the same through the writer. */
function stable<T>(bytes: Buffer, read: (bytes: Buffer) => T, write: (value: T) => Buffer): void {
  tolerate(() => {
    const value = read(bytes);
    assert.deepEqual(read(write(value)), value);
  });
}

function readRecords(bytes: Buffer): void {
  stable(bytes, readAvcRecord, writeAvcRecord);
  stable(bytes, readAv1Record, writeAv1Record);
  stable(bytes, readVpRecord, (record) => writeVpRecord(record, true));
  stable(bytes, readOpusHead, writeOpusHead);
  stable(bytes, readDops, writeDops);
  stable(bytes, readAudioSpecificConfig, writeAudioSpecificConfig);
  tolerate(() => {
    // Not stable: SEI go by the type in their own header, which a stranger need not match with the array's.
    const record = readHevcRecord(bytes);
    const held = [record.vps, record.sps, record.pps, record.sei].flat();
    assert.ok(held.reduce((sum, unit) => sum + unit.length, 0) <= bytes.length);
    readHevcRecord(writeHevcRecord(record));
  });
  tolerate(() => {
    const config = readAudioSpecificConfig(bytes);
    assert.ok(outputSampleRate(config) > 0);
    assert.ok(outputChannels(config) >= 0 && samplesPerFrame(config) > 0);
  });
  tolerate(() => {
    const header = readAdtsHeader(bytes);
    assert.ok(header.frameLength >= header.headerLength && header.frameLength < 8192);
  });
  tolerate(() => assert.equal(readFlacRecord(bytes).streamInfo.length, 34));
}

function split(bytes: Buffer): void {
  for (const lengthSize of [1, 2, 4] as const) {
    tolerate(() => {
      const units = splitLengthPrefixed(bytes, lengthSize, 'test');
      assert.ok(units.length <= maxNalUnits);
      assert.ok(units.reduce((sum, unit) => sum + unit.length, 0) <= bytes.length);
    });
  }
  tolerate(() => {
    const units = splitAnnexB(bytes, 'test');
    for (const unit of units) assert.equal(unit.indexOf(Buffer.from([0, 0, 1])), -1);
  });
  tolerate(() => {
    const obus = splitObus(bytes, 'test');
    assert.ok(obus.length <= maxObus);
    assert.deepEqual(splitObus(Buffer.concat(withObuSizes(obus)), 'test'), obus);
  });
}

const validRecords = [
  ...records.map((vector) => Buffer.from(vector.hex, 'hex')),
  Buffer.from(streams.flac.hex, 'hex'),
  Buffer.from(streams.adts.hex, 'hex'),
];
const validStreams = [Buffer.from(streams.obu.base64, 'base64'), Buffer.from(streams.annexB.base64, 'base64')];

describe(`fuzz: codec records (seed ${seed})`, () => {
  it('records of random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => readRecords(Buffer.from(bytes))),
      { seed, numRuns },
    );
  });

  it('records that were valid once', () => {
    fc.assert(fc.property(mutated(validRecords), readRecords), { seed, numRuns });
  });

  it('NAL units and OBUs in random and in broken bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => split(Buffer.from(bytes))),
      { seed, numRuns },
    );
    fc.assert(fc.property(mutated(validStreams), split), { seed, numRuns: Math.ceil(numRuns / 4) });
  });
});
