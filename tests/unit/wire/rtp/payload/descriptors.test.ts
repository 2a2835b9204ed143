import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { WireError } from '../../../../../wire/errors.ts';
import {
  digitOfEvent,
  eventOfDigit,
  readTelephoneEvents,
  writeTelephoneEvents,
} from '../../../../../wire/rtp/payload/telephone-event.ts';
import { readVp8Descriptor, writeVp8Descriptor } from '../../../../../wire/rtp/payload/vp8.ts';
import { readVp9Descriptor, vp9DescriptorLength } from '../../../../../wire/rtp/payload/vp9-descriptor.ts';
import { telephoneEvents, vp8Descriptors, vp9Descriptors } from '../../../../vectors/rtp/payload-descriptors.ts';

const frame = Buffer.from('ffffff', 'hex');

describe('wire/rtp payload descriptors', () => {
  for (const { name, bytes, value } of vp8Descriptors) {
    it(`VP8: ${name}`, () => {
      const length = bytes.length / 2;
      const payload = Buffer.concat([Buffer.from(bytes, 'hex'), frame]);
      assert.deepEqual(readVp8Descriptor(payload), { descriptor: value, length });
      assert.equal(writeVp8Descriptor(value).toString('hex'), bytes);
      for (let cut = 0; cut < length; cut += 1)
        assert.throws(() => readVp8Descriptor(payload.subarray(0, cut)), WireError);
    });
  }

  it('VP8: a picture id of seven bits', () => {
    const { descriptor, length } = readVp8Descriptor(Buffer.from('90804511', 'hex'));
    assert.deepEqual([descriptor.pictureId, length], [0x45, 3]);
  });

  for (const { name, bytes, value } of vp9Descriptors) {
    it(`VP9: ${name}`, () => {
      const length = bytes.length / 2;
      const payload = Buffer.concat([Buffer.from(bytes, 'hex'), frame]);
      assert.deepEqual(readVp9Descriptor(payload), { descriptor: value, length });
      assert.equal(vp9DescriptorLength(payload), length);
      for (let cut = 0; cut < length; cut += 1) {
        assert.throws(() => readVp9Descriptor(payload.subarray(0, cut)), WireError);
        assert.throws(() => vp9DescriptorLength(payload.subarray(0, cut)), WireError);
      }
    });
  }

  it('VP9: more than three references are refused', () => {
    const payload = Buffer.from('5803030303', 'hex');
    assert.throws(() => readVp9Descriptor(payload), /many references/);
    assert.throws(() => vp9DescriptorLength(payload), /many references/);
  });

  for (const { name, bytes, value } of telephoneEvents) {
    it(`telephone events: ${name}`, () => {
      assert.deepEqual(readTelephoneEvents(Buffer.from(bytes, 'hex')), value);
      assert.equal(writeTelephoneEvents(value).toString('hex'), bytes);
    });
  }

  it('telephone events: refuses what is none', () => {
    for (const length of [0, 1, 3, 5, 68]) assert.throws(() => readTelephoneEvents(Buffer.alloc(length)), WireError);
  });

  it('telephone events: the keys of a telephone', () => {
    for (let event = 0; event < 16; event += 1) assert.equal(eventOfDigit(digitOfEvent(event) ?? ''), event);
    assert.deepEqual([digitOfEvent(11), eventOfDigit('d')], ['#', 15]);
    assert.deepEqual(
      [digitOfEvent(16), eventOfDigit('E'), eventOfDigit(''), eventOfDigit('12')],
      Array(4).fill(undefined),
    );
  });
});
