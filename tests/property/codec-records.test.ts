import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { readAdtsHeader, writeAdtsHeader } from '../../wire/codec-records/adts.ts';
import {
  type AudioSpecificConfig,
  aacSampleRates,
  readAudioSpecificConfig,
  writeAudioSpecificConfig,
} from '../../wire/codec-records/audio-specific-config.ts';
import { type Av1Record, readAv1Record, writeAv1Record } from '../../wire/codec-records/av1-record.ts';
import { type AvcRecord, readAvcRecord, writeAvcRecord } from '../../wire/codec-records/avc-record.ts';
import { type HevcRecord, readHevcRecord, writeHevcRecord } from '../../wire/codec-records/hevc-record.ts';
import { splitAnnexB, splitLengthPrefixed, withLengths, withStartCodes } from '../../wire/codec-records/nal.ts';
import { splitObus, withObuSizes } from '../../wire/codec-records/obu.ts';
import {
  type OpusRecord,
  readDops,
  readOpusHead,
  writeDops,
  writeOpusHead,
} from '../../wire/codec-records/opus-record.ts';
import { readVpRecord, type VpRecord, writeVpRecord } from '../../wire/codec-records/vp-record.ts';

const bytes = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
const unit = bytes(1, 40);
const units = (maxLength: number) => fc.array(unit, { maxLength });
const lengthSize = fc.constantFrom(1, 2, 4 as const);
const bit = fc.constantFrom(0, 1 as const);
const depth = fc.integer({ min: 8, max: 15 });

const avc: fc.Arbitrary<AvcRecord> = fc
  .record({
    profile: fc.nat(255),
    compatibility: fc.nat(255),
    level: fc.nat(255),
    lengthSize,
    sps: units(31),
    pps: units(40),
    high: fc.option(
      fc.record(
        { chromaFormat: fc.nat(3), bitDepthLuma: depth, bitDepthChroma: depth, spsExtensions: units(4) },
        { noNullPrototype: true },
      ),
      { nil: undefined },
    ),
  })
  .map(({ high, ...record }) => {
    const plain = record.profile === 66 || record.profile === 77 || record.profile === 88;
    return high === undefined || plain ? record : { ...record, high };
  });

const headed = (type: number) => unit.map((body) => Buffer.concat([Buffer.from([type << 1, 1]), body]));
const hevc: fc.Arbitrary<HevcRecord> = fc
  .record({
    profileSpace: fc.nat(3),
    tier: bit,
    profile: fc.nat(31),
    compatibility: fc.nat(0xffff_ffff),
    constraints: fc.nat(2 ** 48 - 1),
    level: fc.nat(255),
    minSpatialSegmentation: fc.nat(4095),
    parallelism: fc.nat(3),
    chromaFormat: fc.nat(3),
    bitDepthLuma: depth,
    bitDepthChroma: depth,
    averageFrameRate: fc.nat(65535),
    constantFrameRate: fc.nat(3),
    temporalLayers: fc.nat(7),
    temporalIdNested: fc.boolean(),
    lengthSize,
    complete: fc.boolean(),
    vps: fc.array(headed(32), { maxLength: 3 }),
    sps: fc.array(headed(33), { maxLength: 3 }),
    pps: fc.array(headed(34), { maxLength: 5 }),
    sei: fc
      .tuple(fc.array(headed(39), { maxLength: 2 }), fc.array(headed(40), { maxLength: 2 }))
      .map((two) => two.flat()),
  })
  .map((record) => {
    const some = record.vps.length + record.sps.length + record.pps.length + record.sei.length > 0;
    return { ...record, complete: record.complete && some };
  });

/** An OBU as `splitObus` gives them: no size field, no delimiter. */
const obu = fc
  .tuple(fc.constantFrom(1, 3, 4, 5, 6, 7, 15), fc.option(fc.nat(255), { nil: undefined }), bytes(0, 300))
  .map(([type, extension, body]) =>
    Buffer.concat([Buffer.from(extension === undefined ? [type << 3] : [(type << 3) | 4, extension]), body]),
  );

const av1: fc.Arbitrary<Av1Record> = fc
  .record({
    profile: fc.nat(7),
    level: fc.nat(31),
    tier: bit,
    bitDepth: fc.constantFrom(8, 10, 12 as const),
    monochrome: fc.boolean(),
    chromaSubsamplingX: bit,
    chromaSubsamplingY: bit,
    chromaSamplePosition: fc.nat(3),
    delay: fc.option(fc.integer({ min: 1, max: 16 }), { nil: undefined }),
    obus: fc.array(obu, { maxLength: 3 }),
  })
  .map(({ delay, ...record }) => (delay === undefined ? record : { ...record, initialPresentationDelay: delay }));

const vp: fc.Arbitrary<VpRecord> = fc.record(
  {
    profile: fc.nat(3),
    level: fc.nat(62),
    bitDepth: fc.constantFrom(8, 10, 12 as const),
    chromaSubsampling: fc.nat(3),
    fullRange: fc.boolean(),
    colourPrimaries: fc.nat(255),
    transferCharacteristics: fc.nat(255),
    matrixCoefficients: fc.nat(255),
    initialization: bytes(0, 8),
  },
  { noNullPrototype: true },
);

const opus: fc.Arbitrary<OpusRecord> = fc
  .record({
    channels: fc.integer({ min: 1, max: 8 }),
    preSkip: fc.nat(65535),
    inputSampleRate: fc.nat(0xffff_ffff),
    outputGain: fc.integer({ min: -32768, max: 32767 }),
    mapped: fc.boolean(),
    coupled: fc.nat(4),
  })
  .map(({ mapped, coupled, ...facts }) => {
    if (facts.channels <= 2 && !mapped) return { ...facts, mappingFamily: 0 };
    const streams = Math.max(coupled, 1);
    const channels = Buffer.alloc(facts.channels, 255);
    channels[0] = streams + coupled - 1;
    return { ...facts, mappingFamily: 1, mapping: { streams, coupledStreams: coupled, channels } };
  });

const rate = fc.oneof(fc.constantFrom(...aacSampleRates), fc.integer({ min: 1, max: 0xff_ffff }));
const asc: fc.Arbitrary<AudioSpecificConfig> = fc
  .record({
    objectType: fc.constantFrom(1, 2, 3, 4, 6, 17, 19, 20, 23),
    sampleRate: rate,
    channelConfiguration: fc.integer({ min: 1, max: 14 }),
    shortFrames: fc.boolean(),
    delay: fc.option(fc.nat(16383), { nil: undefined }),
    layer: fc.nat(7),
    resilient: fc.option(fc.nat(15), { nil: undefined }),
    signalling: fc.constantFrom('none', 'hierarchical', 'compatible'),
    outputRate: rate,
    ps: fc.constantFrom(true, false, undefined),
    sbr: fc.boolean(),
  })
  .map(({ delay, layer, resilient, signalling, outputRate, ps, sbr, ...core }) => {
    const layered = core.objectType === 6 || core.objectType === 20;
    const wide = core.objectType >= 17;
    return {
      ...core,
      ...(delay === undefined ? {} : { coreCoderDelay: delay }),
      ...(layered ? { layer } : {}),
      ...(resilient === undefined ? {} : { resilience: wide ? resilient : resilient & 1 }),
      ...(signalling === 'none' ? {} : { extension: extensionOf(signalling, sbr, core.sampleRate, outputRate, ps) }),
    };
  });

function extensionOf(
  signalling: string,
  sbr: boolean,
  coreRate: number,
  sampleRate: number,
  ps: boolean | undefined,
): NonNullable<AudioSpecificConfig['extension']> {
  if (signalling === 'hierarchical') return { signalling, sbr: true, sampleRate, ps: ps === true };
  if (!sbr) return { signalling: 'compatible', sbr, sampleRate: coreRate, ps: undefined };
  return { signalling: 'compatible', sbr, sampleRate, ps };
}

/** A NAL unit as an encoder makes it: no start code inside, no zero byte at the end. */
const nalUnit = bytes(1, 60).map((body) =>
  Buffer.concat([Buffer.from(body.map((byte) => byte | 0x04)), Buffer.from([0x80])]),
);

describe('codec record properties', () => {
  it('a record that was written reads as what it was', () => {
    fc.assert(fc.property(avc, (record) => assert.deepEqual(readAvcRecord(writeAvcRecord(record)), record)));
    fc.assert(fc.property(hevc, (record) => assert.deepEqual(readHevcRecord(writeHevcRecord(record)), record)));
    fc.assert(fc.property(av1, (record) => assert.deepEqual(readAv1Record(writeAv1Record(record)), record)));
    fc.assert(
      fc.property(vp, fc.boolean(), (record, box) =>
        assert.deepEqual(readVpRecord(writeVpRecord(record, box)), record),
      ),
    );
    fc.assert(fc.property(opus, (record) => assert.deepEqual(readOpusHead(writeOpusHead(record)), record)));
    fc.assert(fc.property(opus, (record) => assert.deepEqual(readDops(writeDops(record)), record)));
  });

  it('an AudioSpecificConfig that was written reads as what it was', () => {
    fc.assert(
      fc.property(asc, (config) => assert.deepEqual(readAudioSpecificConfig(writeAudioSpecificConfig(config)), config)),
    );
  });

  it('an ADTS header that was written reads as what it was', () => {
    const core = fc.record({
      objectType: fc.integer({ min: 1, max: 4 }),
      sampleRate: fc.constantFrom(...aacSampleRates),
      channelConfiguration: fc.nat(7),
    });
    fc.assert(
      fc.property(core, fc.nat(8184), (facts, length) => {
        const header = { ...facts, headerLength: 7, frameLength: 7 + length, blocks: 1 };
        assert.deepEqual(readAdtsHeader(writeAdtsHeader(facts, length)), header);
      }),
    );
  });

  it('NAL units and OBUs survive being joined and split', () => {
    fc.assert(
      fc.property(fc.array(nalUnit, { maxLength: 8 }), (list) => {
        assert.deepEqual(splitLengthPrefixed(Buffer.concat(withLengths(list)), 4, 'test'), list);
        assert.deepEqual(splitAnnexB(Buffer.concat(withStartCodes(list)), 'test'), list);
      }),
    );
    fc.assert(
      fc.property(fc.array(obu, { maxLength: 8 }), fc.boolean(), (list, delimiter) => {
        assert.deepEqual(splitObus(Buffer.concat(withObuSizes(list, delimiter)), 'test'), list);
      }),
    );
  });
});
