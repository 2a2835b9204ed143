import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import {
  extensionsLength,
  findExtension,
  findExtensionNumber,
  listExtensions,
  writeExtensions,
} from '../../../../wire/rtp/extensions.ts';
import { classifyDatagram, RtpPacket, readRtpPacket, writeRtpHeader } from '../../../../wire/rtp/packet.ts';
import { sequenceDistance, timestampDistance, unwrapSequence, unwrapTimestamp } from '../../../../wire/rtp/sequence.ts';
import { rtpVectors } from '../../../vectors/rtp/vectors.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** Twelve bytes of header with the given first byte, then `rest`. */
function packetOf(first: string, rest = ''): Buffer {
  return hex(`${first} e0 1234 89abcdef cafebabe ${rest}`);
}

describe('RTP header (RFC 3550 5.1)', () => {
  it('reads the fields, contributing sources, extension and padding', () => {
    const packet = new RtpPacket();
    const bytes = packetOf('b2', '00000001 00000002 bede0001 10aa0000 0102030405 000003');
    assert.ok(readRtpPacket(bytes, packet));
    assert.equal(packet.marker, true);
    assert.equal(packet.payloadType, 96);
    assert.equal(packet.sequence, 0x1234);
    assert.equal(packet.timestamp, 0x89abcdef);
    assert.equal(packet.ssrc, 0xcafebabe);
    assert.equal(packet.csrcCount, 2);
    assert.equal(packet.findCsrc(1), 2);
    assert.equal(packet.findCsrc(2), undefined);
    assert.equal(packet.extensionProfile, 0xbede);
    assert.deepEqual(packet.payload(), hex('0102030405'));
  });

  it('reads into the same record again', () => {
    const packet = new RtpPacket();
    assert.ok(readRtpPacket(packetOf('92', '00000001 00000002 bede0001 10aa0000 01'), packet));
    assert.ok(readRtpPacket(packetOf('80', '02'), packet));
    assert.equal(packet.extensionProfile, -1);
    assert.equal(packet.csrcCount, 0);
    assert.deepEqual(listExtensions(packet), []);
    assert.deepEqual(packet.payload(), hex('02'));
  });

  it('reads an empty payload, and one of padding alone', () => {
    const packet = new RtpPacket();
    assert.ok(readRtpPacket(packetOf('80'), packet));
    assert.equal(packet.payload().length, 0);
    assert.ok(readRtpPacket(packetOf('a0', '000003'), packet));
    assert.equal(packet.payload().length, 0);
  });

  it('refuses what is none (hostile input 26)', () => {
    const refused: readonly [string, Buffer][] = [
      ['eleven bytes', packetOf('80').subarray(0, 11)],
      ['version 1', packetOf('40', '00')],
      ['more sources than bytes', packetOf('8f', '00'.repeat(59))],
      ['half an extension header', packetOf('90', 'bede00')],
      ['an extension past the end', packetOf('90', 'bedeffff 00000000')],
      ['padding without bytes', packetOf('a0')],
      ['padding of 0', packetOf('a0', '0000')],
      ['padding longer than the payload', packetOf('a0', '000004')],
      ['padding into the extension', packetOf('b0', 'bede0001 00000005')],
    ];
    for (const [what, bytes] of refused) assert.equal(readRtpPacket(bytes, new RtpPacket()), false, what);
  });

  it('writes', () => {
    const target = Buffer.alloc(14, 0xff);
    const header = { marker: true, payloadType: 96, sequence: 0x5_1234, timestamp: 0x7_89ab_cdef, ssrc: 0xcafebabe };
    assert.equal(writeRtpHeader(target, 1, header), 13);
    assert.deepEqual(target.subarray(1, 13), packetOf('80'));
    writeRtpHeader(target, 1, { ...header, marker: false }, true);
    assert.deepEqual(target.subarray(1, 3), hex('9060'));
  });
});

describe('RTP header extensions (RFC 8285)', () => {
  function withExtension(profileAndLength: string, elements: string): RtpPacket {
    const packet = new RtpPacket();
    assert.ok(readRtpPacket(packetOf('90', `${profileAndLength} ${elements} 55`), packet));
    return packet;
  }

  it('reads the one-byte form with padding between (the example of 4.2)', () => {
    const packet = withExtension('bede0003', '10aa 21bbcc 00 00 33dddddddd 00');
    assert.deepEqual(
      listExtensions(packet).map(({ id, value }) => [id, value.toString('hex')]),
      [
        [1, 'aa'],
        [2, 'bbcc'],
        [3, 'dddddddd'],
      ],
    );
    assert.equal(findExtensionNumber(packet, 2, 2), 0xbbcc);
    assert.equal(findExtensionNumber(packet, 3, 3), 0xdddddd);
    assert.equal(findExtensionNumber(packet, 1, 2), undefined);
    assert.equal(findExtension(packet, 4), undefined);
    assert.equal(findExtension(packet, 0), undefined);
  });

  it('reads the two-byte form with any bits of the application, values of nothing included (4.3)', () => {
    const packet = withExtension('100f0003', '0100 0201bb 00 c804dddddddd 00');
    assert.deepEqual(
      listExtensions(packet).map(({ id, value }) => [id, value.toString('hex')]),
      [
        [1, ''],
        [2, 'bb'],
        [200, 'dddddddd'],
      ],
    );
    assert.equal(findExtensionNumber(packet, 200, 4), 0xdddddddd);
  });

  it('tells the forms apart packet by packet (4.1.2), and passes over others', () => {
    assert.deepEqual(findExtension(withExtension('bede0001', '10aa0000'), 1), hex('aa'));
    assert.deepEqual(findExtension(withExtension('10000001', '0101aa00'), 1), hex('aa'));
    assert.deepEqual(listExtensions(withExtension('abcd0001', '10aa0000')), []);
  });

  it('stops at id 15, at id 0 with a length, and at what does not fit', () => {
    assert.equal(listExtensions(withExtension('bede0002', '10aa f0 20bb 000000')).length, 1);
    assert.equal(listExtensions(withExtension('bede0002', '10aa 01 20bb 000000')).length, 1);
    assert.equal(listExtensions(withExtension('bede0001', '10aa 2fbb')).length, 1);
    assert.equal(listExtensions(withExtension('10000001', '0100 02ff')).length, 1);
    assert.equal(listExtensions(withExtension('10000001', '000000 01')).length, 0);
    assert.equal(listExtensions(withExtension('bede0000', '')).length, 0);
  });

  it('writes the form that fits', () => {
    const small = [
      { id: 1, value: hex('aa') },
      { id: 14, value: Buffer.alloc(16, 7) },
    ];
    const target = Buffer.alloc(64, 0xff);
    assert.equal(extensionsLength(small), 24);
    assert.equal(writeExtensions(target, 0, small), 24);
    assert.deepEqual(target.subarray(0, 24), Buffer.concat([hex('bede0005 10aa ef'), Buffer.alloc(16, 7), hex('00')]));
    const odd = [{ id: 15, value: hex('') }];
    assert.equal(writeExtensions(target, 0, odd), 8);
    assert.deepEqual(target.subarray(0, 8), hex('10000001 0f000000'));
    assert.equal(writeExtensions(target, 5, []), 5);
    assert.throws(() => writeExtensions(Buffer.alloc(8), 4, small), { code: 'too-large' });
    assert.throws(() => writeExtensions(target, 0, [{ id: 256, value: hex('aa') }]), { code: 'too-large' });
  });
});

describe('RTP counters', () => {
  it('measures around the wrap', () => {
    assert.equal(sequenceDistance(0xffff, 0), 1);
    assert.equal(sequenceDistance(0, 0xffff), -1);
    assert.equal(sequenceDistance(0, 0x7fff), 0x7fff);
    assert.equal(sequenceDistance(0, 0x8000), -0x8000);
    assert.equal(timestampDistance(0xffff_fff0, 0x10), 0x20);
  });

  it('unwraps forwards, backwards and below the start', () => {
    assert.equal(unwrapSequence(0xffff, 2), 0x1_0002);
    assert.equal(unwrapSequence(0x1_0002, 0xffff), 0xffff);
    assert.equal(unwrapSequence(0, 0xffff), -1);
    assert.equal(unwrapSequence(-1, 0xfffe), -2);
    assert.equal(unwrapSequence(-1, 3), 3);
    assert.equal(unwrapTimestamp(2 ** 40 + 0xffff_ffff, 1), 2 ** 40 + 2 ** 32 + 1);
    assert.equal(unwrapTimestamp(2 ** 40, 0xffff_ffff), 2 ** 40 - 1);
  });
});

describe('datagrams on a shared port (RFC 7983, RFC 5761)', () => {
  it('are told apart', () => {
    const kinds = ['0001', '16fe', '4000', '8060', '80e0', '80c8', '80df', '8140', 'ff00', ''].map((text) =>
      classifyDatagram(hex(text)),
    );
    assert.deepEqual(kinds, [
      'stun',
      'dtls',
      'turn-channel',
      'rtp',
      'rtp',
      'rtcp',
      'rtcp',
      'rtp',
      'unknown',
      'unknown',
    ]);
  });
});

describe('RTP packets of others', () => {
  for (const { name, origin, bytes, header, payload } of rtpVectors) {
    it(`${name} (${origin})`, () => {
      const packet = new RtpPacket();
      assert.ok(readRtpPacket(bytes, packet));
      const { marker, payloadType, sequence, timestamp, ssrc } = packet;
      assert.deepEqual({ marker, payloadType, sequence, timestamp, ssrc }, header);
      assert.deepEqual(packet.payload(), payload);
      const written = Buffer.alloc(12);
      assert.equal(writeRtpHeader(written, 0, header), 12);
      assert.deepEqual(written, bytes.subarray(0, 12));
    });
  }
});
