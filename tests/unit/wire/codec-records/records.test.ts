import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import {
  outputChannels,
  outputSampleRate,
  readAudioSpecificConfig,
  samplesPerFrame,
  writeAudioSpecificConfig,
} from '../../../../wire/codec-records/audio-specific-config.ts';
import { readAv1Record, writeAv1Record } from '../../../../wire/codec-records/av1-record.ts';
import { readAvcRecord, writeAvcRecord } from '../../../../wire/codec-records/avc-record.ts';
import { readHevcRecord, writeHevcRecord } from '../../../../wire/codec-records/hevc-record.ts';
import { readDops, readOpusHead, writeDops, writeOpusHead } from '../../../../wire/codec-records/opus-record.ts';
import { readVpRecord, writeVpRecord } from '../../../../wire/codec-records/vp-record.ts';
import { WireError, type WireErrorCode } from '../../../../wire/errors.ts';
import vectors from '../../../vectors/codec-records/records.json' with { type: 'json' };

/** What JSON can hold of a value: buffers as hex, nothing for undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, item: unknown) => {
      const buffer = item as { type?: string; data?: number[] } | undefined;
      return buffer?.type === 'Buffer' && buffer.data ? Buffer.from(buffer.data).toString('hex') : item;
    }),
  );
}

const formats: Record<string, (bytes: Buffer) => { value: unknown; written: Buffer }> = {
  avc: (bytes) => {
    const value = readAvcRecord(bytes);
    return { value, written: writeAvcRecord(value) };
  },
  hevc: (bytes) => {
    const value = readHevcRecord(bytes);
    return { value, written: writeHevcRecord(value) };
  },
  av1: (bytes) => {
    const value = readAv1Record(bytes);
    return { value, written: writeAv1Record(value) };
  },
  vp: (bytes) => {
    const value = readVpRecord(bytes);
    return { value, written: writeVpRecord(value, false) };
  },
  'vp-full-box': (bytes) => {
    const value = readVpRecord(bytes);
    return { value, written: writeVpRecord(value, true) };
  },
  dops: (bytes) => {
    const value = readDops(bytes);
    return { value, written: writeDops(value) };
  },
  'opus-head': (bytes) => {
    const value = readOpusHead(bytes);
    return { value, written: writeOpusHead(value) };
  },
  asc: (bytes) => {
    const value = readAudioSpecificConfig(bytes);
    return { value, written: writeAudioSpecificConfig(value) };
  },
};

function refused(code: WireErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof WireError && error.code === code;
}

describe('decoder configuration records', () => {
  for (const vector of vectors) {
    it(`${vector.format}: ${vector.name}, both ways`, () => {
      const run = formats[vector.format];
      assert.ok(run, vector.format);
      const { value, written } = run(Buffer.from(vector.hex, 'hex'));
      assert.deepEqual(plain(value), vector.value);
      assert.equal(written.toString('hex'), vector.hex);
    });

    it(`${vector.format}: ${vector.name}, cut off anywhere`, () => {
      const run = formats[vector.format];
      const bytes = Buffer.from(vector.hex, 'hex');
      for (let length = 0; length < bytes.length; length += 1) {
        try {
          run?.(bytes.subarray(0, length));
        } catch (error) {
          assert.ok(error instanceof WireError, `${length} bytes: ${String(error)}`);
        }
      }
    });
  }

  it('reads an avcC of a High profile without its extension', () => {
    const record = readAvcRecord(Buffer.from('0164001fffe1000267640100026800', 'hex'));
    assert.equal(record.high, undefined);
    assert.equal(record.sps.length, 1);
  });

  it('refuses NAL unit lengths of three bytes', () => {
    assert.throws(() => readAvcRecord(Buffer.from('0142001efee000', 'hex')), refused('malformed'));
  });

  it('refuses an hvcC with 255 arrays', () => {
    const bytes = Buffer.alloc(23 + 255 * 3);
    bytes[0] = 1;
    bytes[21] = 3;
    bytes[22] = 255;
    assert.throws(() => readHevcRecord(bytes), refused('too-large'));
  });

  it('refuses an hvcC with a thousand parameter sets', () => {
    const bytes = Buffer.alloc(26 + 1000 * 3);
    bytes[0] = 1;
    bytes[21] = 3;
    bytes[22] = 1;
    bytes[23] = 0x22;
    bytes.writeUInt16BE(1000, 24);
    for (let index = 0; index < 1000; index += 1) bytes[26 + index * 3 + 1] = 1;
    assert.throws(() => readHevcRecord(bytes), refused('too-large'));
  });

  it('passes over hvcC arrays of unknown types', () => {
    const bytes = Buffer.concat([
      Buffer.from([1]),
      Buffer.alloc(20),
      Buffer.from('0302b00001000100a20001000144', 'hex'),
    ]);
    bytes[21] = 0x0f;
    const record = readHevcRecord(bytes);
    assert.deepEqual(
      record.pps.map((unit) => unit.toString('hex')),
      ['44'],
    );
    assert.equal(record.complete, true);
  });

  it('reads the old vpcC as not supported', () => {
    assert.throws(() => readVpRecord(Buffer.from('00000000000a82000000', 'hex')), refused('unsupported'));
  });

  it('refuses Opus mappings that point nowhere', () => {
    const head = readOpusHead(Buffer.from('4f7075734865616401023801000000000000000000'.slice(0, 38), 'hex'));
    assert.equal(head.channels, 2);
    const bad = Buffer.concat([Buffer.from('000201380000bb80000001', 'hex'), Buffer.from([1, 0, 0, 7])]);
    assert.throws(() => readDops(bad), refused('malformed'));
  });
});

describe('AudioSpecificConfig', () => {
  const read = (hex: string) => readAudioSpecificConfig(Buffer.from(hex, 'hex'));

  it('tells the rate and channels that come out of HE-AAC v2', () => {
    const config = read('eb8a0800');
    assert.equal(outputSampleRate(config), 44100);
    assert.equal(outputChannels(config), 2);
    assert.equal(samplesPerFrame(config), 1024);
  });

  it('reads frames of 960 samples and an explicit rate', () => {
    // AOT 2, index 15, 0x00bb81, 2 channels, frameLengthFlag
    const config = read(
      writeAudioSpecificConfig({
        objectType: 2,
        sampleRate: 48001,
        channelConfiguration: 2,
        shortFrames: true,
      }).toString('hex'),
    );
    assert.equal(config.sampleRate, 48001);
    assert.equal(samplesPerFrame(config), 960);
    assert.equal(read('1214').shortFrames, true);
  });

  it('reads channels from a program config element', () => {
    const config = writeAudioSpecificConfig({
      objectType: 2,
      sampleRate: 48000,
      channelConfiguration: 0,
      shortFrames: false,
      programConfig: {
        tag: 0,
        objectType: 1,
        sampleRateIndex: 3,
        front: [
          { pair: false, tag: 0 },
          { pair: true, tag: 0 },
        ],
        side: [],
        back: [{ pair: true, tag: 1 }],
        lfe: [0],
        associated: [],
        coupling: [],
        matrixMixdown: 5,
        comment: Buffer.from('hello'),
      },
    });
    const value = readAudioSpecificConfig(config);
    assert.equal(outputChannels(value), 6);
    assert.equal(value.programConfig?.comment.toString(), 'hello');
    assert.deepEqual(writeAudioSpecificConfig(value), config);
  });

  it('reads the program config element that a real encoder writes for 6.1 channels', () => {
    // ffmpeg 5.1.9 aac, pan=6.1, from MP4
    const hex = '118004c848002000c4400d4c61766335392e33372e31303056e500';
    const value = read(hex);
    assert.equal(value.channelConfiguration, 0);
    assert.equal(outputChannels(value), 7);
    assert.equal(value.programConfig?.comment.toString(), 'Lavc59.37.100');
    assert.equal(value.extension?.sbr, false);
    assert.equal(writeAudioSpecificConfig(value).toString('hex'), hex);
  });

  it('refuses what it does not read: escape to USAC, ELD, parametric coders', () => {
    assert.throws(() => read('f9468800'), refused('unsupported'));
    assert.throws(() => read('f8e62000'), refused('unsupported'));
    assert.throws(() => read('42100000'), refused('unsupported'));
    assert.throws(() => read('1690'), refused('malformed'));
    assert.throws(() => read('12'), refused('truncated'));
  });
});
