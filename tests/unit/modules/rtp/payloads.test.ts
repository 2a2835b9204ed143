import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { AccessUnit } from '../../../../core/media/access-unit.ts';
import type { CodecDescriptor } from '../../../../core/media/codecs/codec-descriptor.ts';
import { pcmCodec } from '../../../../core/media/codecs/telephony.ts';
import { ZERO } from '../../../../core/time/micros.ts';
import type { RtpFormat } from '../../../../modules/rtp/contract.ts';
import { depacketizerFor } from '../../../../modules/rtp/depacketizers.ts';
import { formatFor, targetsFor, understands } from '../../../../modules/rtp/formats.ts';
import {
  fitsSingleNals,
  mostPayload,
  mostPeerPayload,
  peerPayloads,
  rtpPayloads,
  ticksOfPayload,
} from '../../../../modules/rtp/payloads.ts';
import { WireError } from '../../../../wire/errors.ts';
import { fakeAac, fakeH264, fakeOpus } from '../../../support/fake-media.ts';
import { audioCodecOf, audioVectors, partsOf, videoCodecOf, videoVectors } from '../../../vectors/codecs/vectors.ts';

function unitOf(codec: CodecDescriptor, parts: readonly Buffer[], keyframe = true): AccessUnit {
  return new AccessUnit({ codec, pts: ZERO, dts: ZERO, keyframe, parts });
}

function format(encoding: string, clockRate: number, parameters: Record<string, string> = {}): RtpFormat {
  return { payloadType: 96, encoding, clockRate, channels: undefined, parameters: new Map(Object.entries(parameters)) };
}

function nal(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(length, 0x55);
  bytes[0] = 0x60 | type;
  return bytes;
}

describe('modules/rtp payloads', () => {
  it('keep to the size of their viewers, and are made once for all of them', () => {
    const { codec } = unitOf(fakeH264(), []);
    for (const [form, most] of [
      [rtpPayloads, mostPayload],
      [peerPayloads, mostPeerPayload],
    ] as const) {
      const units = [
        unitOf(codec, [nal(5, 9_000), nal(5, 300)]),
        unitOf(fakeAac(), [Buffer.alloc(6_000)]),
        unitOf(pcmCodec('pcma'), [Buffer.alloc(4_000)]),
        ...videoVectors
          .filter((vector) => vector.frames !== undefined && vector.codec !== 'mpeg1')
          .map((vector) => {
            const parts = partsOf(vector, 0);
            parts.push(Buffer.concat([(parts.pop() as Buffer).subarray(), Buffer.alloc(5_000, 1)]));
            return unitOf(videoCodecOf(vector), parts);
          }),
      ];
      for (const unit of units) {
        const payloads = unit.as(form);
        assert.ok(payloads.length > 1, unit.codec.name);
        assert.ok(
          payloads.every(({ length }) => length > 0 && length <= most),
          unit.codec.name,
        );
        assert.equal(unit.as(form), payloads);
      }
    }
  });

  it('bring the parameter sets with each key frame, unless it has its own', () => {
    const codec = fakeH264();
    const types = (unit: AccessUnit): number[] => unit.as(peerPayloads).map((payload) => (payload[0] ?? 0) & 31);
    const sets = [...codec.sps, ...codec.pps];
    assert.deepEqual(types(unitOf(codec, [nal(5, 100)])), [7, 8, 5]);
    assert.deepEqual(types(unitOf(codec, [...sets, nal(5, 100)])), [7, 8, 5]);
    assert.deepEqual(types(unitOf(codec, [nal(1, 100)], false)), [1]);
  });

  it('bring the sequence header of AV1 with each key frame', () => {
    const vector = videoVectors.find(({ name }) => name === 'av1') ?? assert.fail('no vector');
    const codec = videoCodecOf(vector);
    const parts = partsOf(vector, 0).filter((part) => (part[0] ?? 0) >> 3 !== 1);
    const [first] = unitOf(codec, parts).as(rtpPayloads);
    assert.equal((first?.[0] ?? 0) & 0x88, 0x08); // a new sequence, and no continuation
    assert.ok(codec.name === 'av1' && first?.includes(codec.sequenceHeader));
  });

  it('tell the size of a key frame of VP9 that is one frame', () => {
    const vector = videoVectors.find(({ name }) => name === 'vp9') ?? assert.fail('no vector');
    const codec = videoCodecOf(vector);
    assert.ok(codec.name === 'vp9');
    const [first] = unitOf(codec, partsOf(vector, 0)).as(rtpPayloads);
    assert.deepEqual([first?.readUInt16BE(2), first?.readUInt16BE(4)], [codec.width, codec.height]);
    const frame = Buffer.concat([...partsOf(vector, 0), Buffer.from('aa', 'hex')]);
    const index = Buffer.alloc(6, 0xc9);
    index.writeUInt16LE(frame.length - 1, 1);
    index.writeUInt16LE(1, 3);
    const [second] = unitOf(codec, [Buffer.concat([frame, index])]).as(rtpPayloads);
    assert.equal((second?.[0] ?? 0) & 0x02, 0);
  });

  it('of telephony are each later than the one before', () => {
    const ticks = (codec: CodecDescriptor, length: number): number => ticksOfPayload(codec, Buffer.alloc(length));
    assert.equal(ticks(pcmCodec('pcmu'), 160), 160);
    assert.equal(ticks(pcmCodec('pcma', { channels: 2 }), 320), 160);
    assert.equal(ticks(pcmCodec('g722'), 160), 160);
    assert.equal(ticks(pcmCodec('g729'), 20), 160);
    assert.equal(ticks(fakeOpus(), 160), 0);
    const sizes = unitOf(pcmCodec('pcmu', { channels: 2 }), [Buffer.alloc(3_001)])
      .as(peerPayloads)
      .map(({ length }) => length);
    assert.deepEqual(sizes, [1_150, 1_150, 701]);
  });

  it('tell whether a viewer without fragments can have a unit', () => {
    const codec = fakeH264();
    assert.equal(fitsSingleNals(unitOf(codec, [nal(5, 1_150), nal(5, 10)]), mostPeerPayload), true);
    assert.equal(fitsSingleNals(unitOf(codec, [nal(5, 10), nal(5, 1_151)]), mostPeerPayload), false);
  });
});

describe('modules/rtp formats', () => {
  const described: readonly CodecDescriptor[] = [
    ...videoVectors.filter(({ codec }) => codec !== 'mpeg1').map((vector) => videoCodecOf(vector)),
    ...audioVectors.filter(({ codec }) => codec !== 'flac').map((vector) => audioCodecOf(vector)),
    pcmCodec('pcmu'),
    pcmCodec('pcma'),
    pcmCodec('g722'),
    pcmCodec('g729'),
  ];

  it('are understood when we tell them, and have a depacketizer', () => {
    for (const codec of described) {
      const told = formatFor(codec, 96);
      if (told === undefined) {
        assert.ok(codec.kind === 'audio' && codec.channels > 2, codec.name); // RFC 7587: Opus of many channels has no form
        continue;
      }
      const { kind } = codec;
      assert.ok(understands(kind, told), codec.name);
      assert.ok(depacketizerFor({ kind, format: told }, { unitPackets: 10, unitBytes: 10 }, () => undefined));
      assert.ok(
        targetsFor(kind).some((target) => target.codec === codec.name),
        codec.name,
      );
    }
    const mpeg1 = videoVectors.find(({ codec }) => codec === 'mpeg1') ?? assert.fail('no vector');
    assert.equal(formatFor(videoCodecOf(mpeg1), 96), undefined);
  });

  it('name codec, clock and parameters', () => {
    const told = (name: string): unknown[] => {
      const codec = described.find((one) => one.name === name) ?? assert.fail(name);
      const { encoding, clockRate, payloadType, parameters } = formatFor(codec, 96) ?? assert.fail(name);
      return [encoding, clockRate, payloadType, [...parameters]];
    };
    assert.deepEqual(told('vp8'), ['VP8', 90_000, 96, []]);
    assert.deepEqual(told('vp9'), ['VP9', 90_000, 96, [['profile-id', '0']]]);
    const [encoding, clockRate, , parameters] = told('av1');
    assert.deepEqual([encoding, clockRate], ['AV1', 90_000]);
    assert.deepEqual(
      (parameters as string[][]).map(([name]) => name),
      ['profile', 'level-idx', 'tier'],
    );
    assert.deepEqual(told('mp3'), ['MPA', 90_000, 14, []]);
    assert.deepEqual(told('mp2'), ['MPA', 90_000, 14, []]);
  });

  it('of others are not understood', () => {
    for (const encoding of ['H263-1998', 'toString', '', 'L16']) {
      assert.equal(understands('video', format(encoding, 90_000)), false);
      assert.equal(understands('audio', format(encoding, 8_000)), false);
      const medium = { kind: 'audio', format: format(encoding, 8_000) } as const;
      assert.throws(() => depacketizerFor(medium, { unitPackets: 1, unitBytes: 1 }, () => undefined), WireError);
    }
    assert.equal(understands('audio', format('MPEG4-GENERIC', 48_000)), false);
    assert.equal(understands('audio', format('MP4A-LATM', 48_000, { config: 'ffff' })), false);
    assert.equal(understands('audio', format('mpa-robust', 90_000)), true);
    assert.equal(understands('video', format('vp9', 90_000, { 'profile-id': '2' })), true);
  });
});
