import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { WireError, type WireErrorCode } from '../../../../wire/errors.ts';
import {
  audioFrameHeader,
  readAudioTag,
  readVideoTag,
  videoFrameHeader,
  writeAudioConfig,
  writeAudioEnd,
  writeAudioTag,
  writeVideoConfig,
  writeVideoEnd,
  writeVideoTag,
} from '../../../../wire/flv/tag.ts';
import vectors from '../../../vectors/flv/tags.json' with { type: 'json' };

/** What JSON can hold of a value: buffers as hex, null for undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, item: unknown) => {
      const buffer = item as { type?: string; data?: number[] } | undefined;
      if (item === undefined) return null;
      return buffer?.type === 'Buffer' && buffer.data ? Buffer.from(buffer.data).toString('hex') : item;
    }),
  );
}

function refused(code: WireErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof WireError && error.code === code;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('FLV video tags', () => {
  for (const vector of vectors.video) {
    it(`${vector.name}, both ways`, () => {
      const value = readVideoTag(hex(vector.hex));
      assert.deepEqual(plain(value), vector.value);
      assert.equal(writeVideoTag(value).toString('hex'), vector.hex);
    });
  }

  it('takes the payload as a view', () => {
    const body = hex('1701000000aabb');
    const frame = readVideoTag(body);
    body[5] = 0xcc;
    assert.ok(frame.kind === 'frame');
    assert.equal(frame.payload.toString('hex'), 'ccbb');
  });

  it('takes generated key frames, short ends of sequence and AVC command frames', () => {
    const generated = readVideoTag(hex('4701000000aa'));
    assert.ok(generated.kind === 'frame' && generated.keyframe);
    assert.equal(readVideoTag(hex('1702')).kind, 'end');
    assert.deepEqual(readVideoTag(hex('5700 00000001')), { kind: 'command', enhanced: false, command: 1 });
    assert.deepEqual(readVideoTag(hex('5701')), { kind: 'command', enhanced: false, command: 1 });
  });

  it('ignores the frame type of metadata', () => {
    assert.equal(readVideoTag(hex('d4 68766331 05')).kind, 'metadata');
  });

  it('passes over ModEx kinds that it does not know, long ones too', () => {
    const long = Buffer.concat([hex('97 ff 0100'), Buffer.alloc(257), hex('33 68766331 aa')]);
    const frame = readVideoTag(long);
    assert.ok(frame.kind === 'frame');
    assert.equal(frame.nanoOffset, 0);
    assert.equal(frame.payload.toString('hex'), 'aa');
  });

  it('refuses what is cut off, unknown or nested', () => {
    const cases: [string, WireErrorCode][] = [
      ['', 'truncated'],
      ['17', 'truncated'],
      ['17010000', 'truncated'],
      ['1703000000', 'malformed'],
      ['18', 'unsupported'],
      ['5f', 'truncated'],
      ['91 68', 'truncated'],
      ['91 78787878', 'unsupported'],
      ['91 68766331 0000', 'truncated'],
      ['98 68766331', 'unsupported'],
      ['96 06 68766331 00', 'malformed'],
      ['96 07 68766331 00', 'malformed'],
      ['96 31 68766331 00', 'unsupported'],
      ['96 11 68766331', 'truncated'],
      ['96 11 68766331 00 000005 00', 'truncated'],
      ['97 00 00 03', 'malformed'],
      ['97 02 0f4240 03 68766331', 'malformed'],
      [`97 ${'02 000001 07'.repeat(17)}`, 'too-large'],
    ];
    for (const [bytes, code] of cases) assert.throws(() => readVideoTag(hex(bytes)), refused(code), bytes);
  });

  it('bounds the tracks of one message', () => {
    const body = Buffer.concat([hex('96 11 61763031'), Buffer.alloc(4 * 257)]);
    assert.throws(() => readVideoTag(body), refused('too-large'));
  });

  it('builds the headers for frames: legacy for h264, enhanced for the rest', () => {
    assert.equal(videoFrameHeader('h264', true, 80).toString('hex'), '1701000050');
    assert.equal(videoFrameHeader('h264', false, -1).toString('hex'), '2701ffffff');
    assert.equal(videoFrameHeader('h265', true, 33).toString('hex'), '9168766331000021');
    assert.equal(videoFrameHeader('h265', false, 0).toString('hex'), 'a368766331');
    assert.equal(videoFrameHeader('av1', true, 5).toString('hex'), '9161763031');
    assert.equal(videoFrameHeader('vp9', false, 0).toString('hex'), 'a176703039');
    assert.equal(videoFrameHeader('vp8', true, 0).toString('hex'), '9176703038');
    assert.equal(videoFrameHeader('h264', true, 0, true).toString('hex'), '9361766331');
    assert.equal(videoFrameHeader('h265', true, 40, false).toString('hex'), '1c01000028');
    assert.equal(videoFrameHeader('vp6', true, 0).toString('hex'), '14');
    assert.throws(() => videoFrameHeader('vp9', true, 0, false), refused('unsupported'));
    assert.throws(() => videoFrameHeader('vp6', true, 0, true), refused('unsupported'));
  });

  it('holds a composition time within 24 bits', () => {
    assert.equal(videoFrameHeader('h264', true, 2 ** 40).toString('hex'), '17017fffff');
    assert.equal(videoFrameHeader('h264', true, 33.4).toString('hex'), '1701000021');
  });

  it('builds starts and ends of sequences', () => {
    assert.equal(writeVideoConfig('h264', hex('0164')).toString('hex'), '17000000000164');
    assert.equal(writeVideoConfig('av1', hex('81')).toString('hex'), '906176303181');
    assert.equal(writeVideoEnd('h264').toString('hex'), '1702000000');
    assert.equal(writeVideoEnd('h265').toString('hex'), '9268766331');
    assert.throws(() => writeVideoConfig('vp6', hex('00')), refused('unsupported'));
  });
});

describe('FLV audio tags', () => {
  for (const vector of vectors.audio) {
    it(`${vector.name}, both ways`, () => {
      const value = readAudioTag(hex(vector.hex));
      assert.deepEqual(plain(value), vector.value);
      assert.equal(writeAudioTag(value).toString('hex'), vector.hex);
    });
  }

  it('refuses what is cut off, unknown or nested', () => {
    const cases: [string, WireErrorCode][] = [
      ['', 'truncated'],
      ['af', 'truncated'],
      ['af02', 'malformed'],
      ['c0', 'unsupported'],
      ['f0', 'unsupported'],
      ['91 4f70', 'truncated'],
      ['91 78787878', 'unsupported'],
      ['93 4f707573', 'unsupported'],
      ['94 4f707573 01', 'truncated'],
      ['94 4f707573 01 02 0000', 'truncated'],
      ['94 4f707573 02 ff 00', 'truncated'],
      ['94 4f707573 03 02', 'unsupported'],
      ['95 05 4f707573 00', 'malformed'],
      ['95 21', 'truncated'],
    ];
    for (const [bytes, code] of cases) assert.throws(() => readAudioTag(hex(bytes)), refused(code), bytes);
  });

  it('builds the headers for frames: legacy where there is one, else enhanced', () => {
    assert.equal(audioFrameHeader('aac').toString('hex'), 'af01');
    assert.equal(audioFrameHeader('mp3').toString('hex'), '2f');
    assert.equal(audioFrameHeader('mp3', { sampleRate: 22050, channels: 1, sampleSize: 16 }).toString('hex'), '2a');
    assert.equal(audioFrameHeader('pcma', { sampleRate: 8000, channels: 1, sampleSize: 16 }).toString('hex'), '72');
    assert.equal(audioFrameHeader('pcmu', { sampleRate: 8000, channels: 1, sampleSize: 16 }).toString('hex'), '82');
    assert.equal(audioFrameHeader('speex').toString('hex'), 'b6');
    assert.equal(audioFrameHeader('opus').toString('hex'), '914f707573');
    assert.equal(audioFrameHeader('flac').toString('hex'), '91664c6143');
    assert.equal(audioFrameHeader('aac', undefined, true).toString('hex'), '916d703461');
    assert.throws(() => audioFrameHeader('opus', undefined, false), refused('unsupported'));
    assert.throws(() => audioFrameHeader('speex', undefined, true), refused('unsupported'));
  });

  it('builds starts and ends of sequences', () => {
    assert.equal(writeAudioConfig('aac', hex('1210')).toString('hex'), 'af001210');
    assert.equal(writeAudioConfig('opus', hex('4f')).toString('hex'), '904f7075734f');
    assert.equal(writeAudioEnd('opus').toString('hex'), '924f707573');
    assert.throws(() => writeAudioConfig('mp3', hex('00')), refused('unsupported'));
  });
});
