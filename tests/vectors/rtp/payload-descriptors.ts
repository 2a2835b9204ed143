import { Buffer } from 'node:buffer';
import type { TelephoneEvent } from '../../../wire/rtp/payload/telephone-event.ts';
import type { Vp8Descriptor } from '../../../wire/rtp/payload/vp8.ts';
import type { Vp9Descriptor } from '../../../wire/rtp/payload/vp9-descriptor.ts';

/** Bytes (hexadecimal) beside what they say. */
export interface DescriptorVector<T> {
  readonly name: string;
  readonly origin: string;
  readonly bytes: string;
  readonly value: T;
}

const nothing = { pictureId: undefined, baseLayer: undefined, layer: undefined, keyIndex: undefined };

/** The descriptor ends where the bytes do. Written back they are the same. */
export const vp8Descriptors: readonly DescriptorVector<Vp8Descriptor>[] = [
  {
    name: 'the least',
    origin: 'RFC 7741 4.2, the first octet',
    bytes: '10',
    value: { nonReference: false, start: true, partition: 0, ...nothing },
  },
  {
    name: 'a continuation of a partition of a picture that nobody refers to',
    origin: 'RFC 7741 4.2, the first octet',
    bytes: '23',
    value: { nonReference: true, start: false, partition: 3, ...nothing },
  },
  {
    name: 'a picture id of 15 bits',
    origin: 'GStreamer 1.22 rtpvp8pay picture-id-mode=15-bit, the first packet of the capture',
    bytes: '9080bf45',
    value: { nonReference: false, start: true, partition: 0, ...nothing, pictureId: 0x3f45 },
  },
  {
    name: 'everything',
    origin: 'RFC 7741 4.2, all extensions',
    bytes: 'b0f0919207b3',
    value: {
      nonReference: true,
      start: true,
      partition: 0,
      pictureId: 0x1192,
      baseLayer: 7,
      layer: { temporal: 2, sync: true },
      keyIndex: 19,
    },
  },
];

export const vp9Descriptors: readonly DescriptorVector<Vp9Descriptor>[] = [
  {
    name: 'a key frame whole in one packet, without anything',
    origin: 'RFC 9628 4.2, the first octet',
    bytes: '0c',
    value: {
      predicted: false,
      start: true,
      end: true,
      flexible: false,
      pictureId: undefined,
      layer: undefined,
      references: [],
      structure: undefined,
    },
  },
  {
    name: 'non-flexible, with a structure of one layer with its size and a group of one picture',
    origin: 'GStreamer 1.22 rtpvp9pay picture-id-mode=15-bit, the first packet of the capture',
    bytes: '8aab241800200020010401',
    value: {
      predicted: false,
      start: true,
      end: false,
      flexible: false,
      pictureId: 0x2b24,
      layer: undefined,
      references: [],
      structure: Buffer.from('1800200020010401', 'hex'),
    },
  },
  {
    name: 'non-flexible, the second spatial layer of a picture',
    origin: 'RFC 9628 4.2, with layer indices',
    bytes: 'e4053305',
    value: {
      predicted: true,
      start: false,
      end: true,
      flexible: false,
      pictureId: 5,
      layer: { temporal: 1, switching: true, spatial: 1, dependent: true, base: 5 },
      references: [],
      structure: undefined,
    },
  },
  {
    name: 'flexible, with three references',
    origin: 'RFC 9628 4.2, in flexible mode',
    bytes: 'f8812340030508',
    value: {
      predicted: true,
      start: true,
      end: false,
      flexible: true,
      pictureId: 0x123,
      layer: { temporal: 2, switching: false, spatial: 0, dependent: false, base: undefined },
      references: [1, 2, 4],
      structure: undefined,
    },
  },
];

export const telephoneEvents: readonly DescriptorVector<readonly TelephoneEvent[]>[] = [
  {
    name: 'a 9 that has lasted for 200 ms and is over',
    origin: 'RFC 2833 3.9, the first digit of the example',
    bytes: '09870640',
    value: [{ event: 9, end: true, volume: 7, duration: 1_600 }],
  },
  {
    name: 'two events of one packet, of which the second goes on',
    origin: 'RFC 2833 3.9, the other digits of the example, in the form of RFC 4733',
    bytes: '018a07d001140190',
    value: [
      { event: 1, end: true, volume: 10, duration: 2_000 },
      { event: 1, end: false, volume: 20, duration: 400 },
    ],
  },
];

/** Payloads of one temporal unit of AV1 (the last with the marker), and its OBUs. Made by hand after AV1 RTP 1.0 4.4 and 4.5. */
export const av1Units: readonly {
  readonly name: string;
  readonly payloads: readonly string[];
  readonly obus: readonly string[];
}[] = [
  { name: 'one OBU, W 1', payloads: ['18' + '300102'], obus: ['300102'] },
  { name: 'two OBUs, W 2: the last has no length', payloads: ['28' + '0208aa' + '3001'], obus: ['08aa', '3001'] },
  {
    name: 'two OBUs, W 0: each has its length',
    payloads: ['08' + '0208aa' + '023001'],
    obus: ['08aa', '3001'],
  },
  {
    name: 'an OBU over three packets, and another behind it',
    payloads: ['58' + '3001', 'd0' + '0203', 'a0' + '0104' + '20ff'],
    obus: ['3001020304', '20ff'],
  },
  {
    name: 'an OBU with a size field, a temporal delimiter and a tile list, which are left out',
    payloads: ['08' + '021200' + '0432021122' + '0240ee' + '0208aa'],
    obus: ['301122', '08aa'],
  },
  {
    name: 'OBUs of two layers, with their extension bytes',
    payloads: ['18' + '340077', '10' + '340877'],
    obus: ['340077', '340877'],
  },
  {
    name: 'a length in more bytes than it needs',
    payloads: ['08' + '828000' + '08aa'],
    obus: ['08aa'],
  },
];
