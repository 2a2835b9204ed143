import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  readSdp,
  type SdpAttribute,
  type SdpDescription,
  type SdpMedia,
  writeSdp,
} from '../../wire/sdp/description.ts';
import { formatAttributes, readFormats, type SdpFormat } from '../../wire/sdp/formats.ts';

const plain = { noNullPrototype: true };
/** What a line may hold: no spaces at its ends, no line ends. */
const line = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 30 })
  .map((text) => text.replace(/[\r\n\0]/g, '.').trim())
  .filter((text) => text !== '' && text !== '-');
const token = fc.stringMatching(/^[A-Za-z0-9.+_-]{1,12}$/);
const digits = fc.stringMatching(/^\d{1,20}$/);
const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('host.example'), fc.constant('233.252.0.1/127/3'));
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

const attribute: fc.Arbitrary<SdpAttribute> = fc.record(
  { name: token, value: maybe(fc.oneof(line, fc.constant(''))) },
  plain,
);
const bandwidth = fc.array(
  fc.record({ type: token.map((word) => word.replace(/[.+]/g, '-')), value: fc.nat() }, plain),
  {
    maxLength: 3,
  },
);
const media: fc.Arbitrary<SdpMedia> = fc.record(
  {
    kind: token,
    port: fc.nat(65_535),
    portCount: maybe(fc.nat(99_999)),
    protocol: fc.constantFrom('RTP/AVP', 'UDP/TLS/RTP/SAVPF', 'TCP/DTLS/SCTP'),
    formats: fc.array(token, { maxLength: 5 }),
    title: maybe(line),
    connection: maybe(address),
    bandwidth,
    attributes: fc.array(attribute, { maxLength: 6 }),
  },
  plain,
);
const description: fc.Arbitrary<SdpDescription> = fc.record(
  {
    origin: fc.record({ username: token, sessionId: digits, sessionVersion: digits, address: fc.ipV4() }, plain),
    name: fc.oneof(line, fc.constant('')),
    information: maybe(line),
    connection: maybe(address),
    bandwidth,
    timing: fc.array(fc.record({ start: fc.nat(), stop: fc.nat() }, plain), { minLength: 1, maxLength: 3 }),
    attributes: fc.array(attribute, { maxLength: 6 }),
    media: fc.array(media, { maxLength: 4 }),
  },
  plain,
);

const parameter = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), fc.stringMatching(/^[A-Za-z0-9+/=,]{0,20}$/));
const format: fc.Arbitrary<SdpFormat> = fc.record(
  {
    payloadType: fc.integer({ min: 96, max: 127 }),
    encoding: fc.stringMatching(/^[A-Za-z0-9.-]{1,20}$/),
    clockRate: fc.integer({ min: 1, max: 9_999_999 }),
    channels: maybe(fc.integer({ min: 1, max: 255 })),
    parameters: fc.array(parameter, { maxLength: 8 }).map((pairs) => new Map(pairs)),
    feedback: fc.uniqueArray(fc.constantFrom('nack', 'nack pli', 'ccm fir', 'transport-cc', 'goog-remb')),
  },
  plain,
);

describe('property: SDP', () => {
  it('a description that is written is read the same', () => {
    fc.assert(
      fc.property(description, (given) => {
        assert.deepEqual(readSdp(writeSdp(given)), given);
      }),
    );
  });

  it('formats that are written are read the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(format, { selector: ({ payloadType }) => payloadType, maxLength: 6 }), (given) => {
        const formats = given.map(({ payloadType }) => String(payloadType));
        assert.deepEqual(readFormats({ formats, attributes: given.flatMap(formatAttributes) }), given);
      }),
    );
  });
});
