import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { readAmf0All } from '../../wire/amf/amf0-reader.ts';
import { writeAmf0 } from '../../wire/amf/amf0-writer.ts';
import { readAmf3All } from '../../wire/amf/amf3-reader.ts';
import { writeAmf3 } from '../../wire/amf/amf3-writer.ts';
import {
  AmfDate,
  AmfDictionary,
  AmfEcmaArray,
  AmfObject,
  AmfTypedObject,
  type AmfValue,
  AmfVector,
  AmfXml,
} from '../../wire/amf/value.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 });
const leaf: fc.Arbitrary<AmfValue> = fc.oneof(
  fc.constantFrom<AmfValue>(null, undefined, true, false, 0, -0, -1, 0xfffffff, 0x10000000, -0x10000000, -0x10000001),
  fc.double(),
  fc.integer(),
  text,
  fc.double().map((millis) => new AmfDate(millis)),
  fc.tuple(text, fc.constantFrom('document' as const, 'e4x' as const)).map(([xml, kind]) => new AmfXml(xml, kind)),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  fc.array(fc.integer(), { maxLength: 4 }).map((items) => new AmfVector('int', items, true)),
  fc.array(fc.nat(), { maxLength: 4 }).map((items) => new AmfVector('uint', items)),
  fc.array(fc.double(), { maxLength: 4 }).map((items) => new AmfVector('double', items)),
);

const { value } = fc.letrec<{ value: AmfValue }>((tie) => {
  const members = fc.array(fc.tuple(name, tie('value')), { maxLength: 4 });
  const items = fc.array(tie('value'), { maxLength: 4 });
  return {
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      leaf,
      members.map((all) => new AmfObject(all)),
      // An AMF3 array without names is a dense one.
      members.filter((all) => all.length > 0).map((all) => new AmfEcmaArray(all)),
      fc.tuple(name, members).map(([className, all]) => new AmfTypedObject(className, all)),
      items,
      fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((all) => new AmfDictionary(all, true)),
      fc.tuple(items, text).map(([all, className]) => new AmfVector('object', all, false, className)),
    ),
  };
});

describe('AMF round trips', () => {
  it('AMF0: read(write(x)) = x', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        assert.deepEqual(readAmf0All(writeAmf0(values)), values);
      }),
    );
  });

  it('AMF3: read(write(x)) = x', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        assert.deepEqual(readAmf3All(writeAmf3(values)), values);
      }),
    );
  });
});
