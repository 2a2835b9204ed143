import { Buffer } from 'node:buffer';
import {
  AmfDate,
  AmfDictionary,
  AmfEcmaArray,
  AmfTypedObject,
  type AmfValue,
  AmfVector,
  AmfXml,
  amfObject,
} from '../../../wire/amf/value.ts';

/** One value and its bytes. `decodeOnly`: other encoders write it so, ours writes it in another form. */
export type AmfVectorRow = {
  readonly name: string;
  readonly origin: string;
  readonly hex: string;
  readonly values: readonly AmfValue[];
  readonly decodeOnly?: boolean;
};

export function hexBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

export const amf0Vectors: readonly AmfVectorRow[] = [
  { name: 'number', origin: 'AMF 0 2.2, IEEE 754', hex: '00 3ff0000000000000', values: [1] },
  { name: 'not a number', origin: 'AMF 0 2.2, IEEE 754', hex: '00 7ff8000000000000', values: [Number.NaN] },
  { name: 'booleans', origin: 'AMF 0 2.3', hex: '01 01 01 00', values: [true, false] },
  { name: 'a boolean of 7', origin: 'AMF 0 2.3: not zero is true', hex: '01 07', values: [true], decodeOnly: true },
  { name: 'string', origin: 'AMF 0 2.4', hex: '02 0007 636f6e6e656374', values: ['connect'] },
  { name: 'string of UTF-8', origin: 'AMF 0 2.4, RFC 3629', hex: '02 0005 e282ac c3a9', values: ['€é'] },
  {
    name: 'object',
    origin: 'AMF 0 2.5',
    hex: '03 0003 617070 02 0004 6c697665 0000 09',
    values: [amfObject({ app: 'live' })],
  },
  { name: 'null and undefined', origin: 'AMF 0 2.7, 2.8', hex: '05 06', values: [null, undefined] },
  { name: 'unsupported', origin: 'AMF 0 2.15', hex: '0d', values: [undefined], decodeOnly: true },
  {
    name: 'ECMA array whose count is wrong',
    origin: 'AMF 0 2.10; some encoders write 0',
    hex: '08 00000000 0001 61 00 4000000000000000 000009',
    values: [new AmfEcmaArray([['a', 2]])],
    decodeOnly: true,
  },
  {
    name: 'ECMA array',
    origin: 'AMF 0 2.10',
    hex: '08 00000001 0001 61 00 4000000000000000 000009',
    values: [new AmfEcmaArray([['a', 2]])],
  },
  {
    name: 'strict array',
    origin: 'AMF 0 2.12',
    hex: '0a 00000002 05 02 0001 78',
    values: [[null, 'x']],
  },
  { name: 'date', origin: 'AMF 0 2.13', hex: '0b 4277129e6c080000 0000', values: [new AmfDate(1585545920640)] },
  {
    name: 'date with a time zone',
    origin: 'AMF 0 2.13: reserved, to be ignored',
    hex: '0b 0000000000000000 ff88',
    values: [new AmfDate(0)],
    decodeOnly: true,
  },
  { name: 'long string', origin: 'AMF 0 2.14', hex: '0c 00000001 61', values: ['a'], decodeOnly: true },
  { name: 'XML', origin: 'AMF 0 2.17', hex: '0f 00000004 3c612f3e', values: [new AmfXml('<a/>')] },
  {
    name: 'typed object',
    origin: 'AMF 0 2.18',
    hex: '10 0001 43 0001 6e 01 01 000009',
    values: [new AmfTypedObject('C', [['n', true]])],
  },
  {
    name: 'reference to the first object',
    origin: 'AMF 0 2.9',
    hex: '03 0001 61 05 000009 07 0000',
    values: [amfObject({ a: null }), amfObject({ a: null })],
    decodeOnly: true,
  },
  {
    name: 'an AMF3 byte array behind the avmplus marker',
    origin: 'AMF 3 4.1',
    hex: '11 0c 05 0102',
    values: [Buffer.from([1, 2])],
  },
  {
    name: 'a key called __proto__',
    origin: 'hostile input',
    hex: '03 0009 5f5f70726f746f5f5f 03 0001 78 01 01 000009 000009',
    values: [amfObject({ ['__proto__']: amfObject({ x: true }) })],
  },
];

export const amf3Vectors: readonly AmfVectorRow[] = [
  { name: 'constants', origin: 'AMF 3 3.2-3.5', hex: '00 01 02 03', values: [undefined, null, false, true] },
  { name: 'integer 0x7f', origin: 'AMF 3 1.3.1, end of one byte', hex: '04 7f', values: [0x7f] },
  { name: 'integer 0x80', origin: 'AMF 3 1.3.1, begin of two bytes', hex: '04 8100', values: [0x80] },
  { name: 'integer 0x3fff', origin: 'AMF 3 1.3.1, end of two bytes', hex: '04 ff7f', values: [0x3fff] },
  { name: 'integer 0x4000', origin: 'AMF 3 1.3.1, begin of three bytes', hex: '04 818000', values: [0x4000] },
  { name: 'integer 0x1fffff', origin: 'AMF 3 1.3.1, end of three bytes', hex: '04 ffff7f', values: [0x1fffff] },
  { name: 'integer 0x200000', origin: 'AMF 3 1.3.1, begin of four bytes', hex: '04 80c08000', values: [0x200000] },
  { name: 'greatest integer', origin: 'AMF 3 3.6', hex: '04 bfffffff', values: [0xfffffff] },
  { name: 'least integer', origin: 'AMF 3 3.6', hex: '04 c0808000', values: [-0x10000000] },
  { name: 'integer -1', origin: 'AMF 3 3.6', hex: '04 ffffffff', values: [-1] },
  { name: 'beyond integers', origin: 'AMF 3 3.6, 3.7', hex: '05 41b0000000000000', values: [0x10000000] },
  { name: 'double', origin: 'AMF 3 3.7', hex: '05 3ff8000000000000', values: [1.5] },
  { name: 'string', origin: 'AMF 3 3.8', hex: '06 05 6869', values: ['hi'] },
  { name: 'empty string', origin: 'AMF 3 1.3.2', hex: '06 01', values: [''] },
  {
    name: 'string by reference; the empty one has no index',
    origin: 'AMF 3 1.3.2',
    hex: '06 01 06 05 6869 06 00',
    values: ['', 'hi', 'hi'],
    decodeOnly: true,
  },
  { name: 'XML document', origin: 'AMF 3 3.9', hex: '07 09 3c612f3e', values: [new AmfXml('<a/>', 'document')] },
  { name: 'E4X', origin: 'AMF 3 3.13', hex: '0b 09 3c612f3e', values: [new AmfXml('<a/>', 'e4x')] },
  { name: 'date', origin: 'AMF 3 3.10', hex: '08 01 4277129e6c080000', values: [new AmfDate(1585545920640)] },
  { name: 'dense array', origin: 'AMF 3 3.11', hex: '09 05 01 04 01 03', values: [[1, true]] },
  { name: 'named array', origin: 'AMF 3 3.11', hex: '09 01 03 61 04 01 01', values: [new AmfEcmaArray([['a', 1]])] },
  {
    name: 'array with both parts',
    origin: 'AMF 3 3.11',
    hex: '09 03 03 61 04 01 01 03',
    values: [
      new AmfEcmaArray([
        ['a', 1],
        ['0', true],
      ]),
    ],
    decodeOnly: true,
  },
  { name: 'anonymous object', origin: 'AMF 3 3.12', hex: '0a 0b 01 03 61 04 01 01', values: [amfObject({ a: 1 })] },
  {
    name: 'typed object',
    origin: 'AMF 3 3.12',
    hex: '0a 0b 03 43 03 61 04 01 01',
    values: [new AmfTypedObject('C', [['a', 1]])],
  },
  {
    name: 'sealed members, then the same traits by reference',
    origin: 'AMF 3 3.12',
    // U29O-traits 0x23: two sealed members, not dynamic; then 0x01: traits 0
    hex: '0a 23 03 43 03 61 03 62 04 01 04 02 0a 01 04 03 04 04',
    values: [
      new AmfTypedObject('C', [
        ['a', 1],
        ['b', 2],
      ]),
      new AmfTypedObject('C', [
        ['a', 3],
        ['b', 4],
      ]),
    ],
    decodeOnly: true,
  },
  {
    name: 'object by reference',
    origin: 'AMF 3 3.12',
    hex: '09 05 01 0a 0b 01 01 0a 02',
    values: [[amfObject({}), amfObject({})]],
    decodeOnly: true,
  },
  { name: 'byte array', origin: 'AMF 3 3.14', hex: '0c 05 0102', values: [Buffer.from([1, 2])] },
  { name: 'vector of int', origin: 'AMF 3 3.15', hex: '0d 03 01 ffffffff', values: [new AmfVector('int', [-1], true)] },
  {
    name: 'vector of uint',
    origin: 'AMF 3 3.15',
    hex: '0e 03 00 ffffffff',
    values: [new AmfVector('uint', [4294967295])],
  },
  {
    name: 'vector of double',
    origin: 'AMF 3 3.15',
    hex: '0f 03 00 3ff8000000000000',
    values: [new AmfVector('double', [1.5])],
  },
  {
    name: 'vector of objects',
    origin: 'AMF 3 3.15',
    hex: '10 03 00 03 43 01',
    values: [new AmfVector('object', [null], false, 'C')],
  },
  {
    name: 'dictionary',
    origin: 'AMF 3 3.16',
    hex: '11 03 01 04 01 06 03 61',
    values: [new AmfDictionary([[1, 'a']], true)],
  },
];
