import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { WireError, type WireErrorCode } from '../../../../wire/errors.ts';
import { lostSequences, nackEntries } from '../../../../wire/rtcp/nack.ts';
import { compactNtp, ntpFromUnix, unixFromNtp } from '../../../../wire/rtcp/ntp.ts';
import type { RtcpPacket } from '../../../../wire/rtcp/packet.ts';
import { maxRtcpPackets, readRtcp } from '../../../../wire/rtcp/reader.ts';
import { writeRtcp } from '../../../../wire/rtcp/writer.ts';
import { rtcpVectors } from '../../../vectors/rtcp/vectors.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function refuses(bytes: Buffer, code: WireErrorCode): void {
  assert.throws(
    () => readRtcp(bytes),
    (error) => error instanceof WireError && error.code === code,
  );
}

describe('RTCP vectors', () => {
  for (const { name, bytes, packets } of rtcpVectors) {
    it(`reads and writes ${name}`, () => {
      assert.deepEqual(readRtcp(bytes), { packets, skipped: 0 });
      assert.deepEqual(writeRtcp(packets), bytes);
    });
  }
});

describe('RTCP compounds', () => {
  const loss = hex('81ce0002 00000001 00000002');

  it('are refused as a whole when the headers do not add up (RFC 3550 A.2; hostile input 27)', () => {
    refuses(Buffer.alloc(0), 'truncated');
    refuses(hex('81ce00'), 'truncated');
    refuses(loss.subarray(0, 11), 'truncated');
    refuses(Buffer.concat([loss, hex('81ce0002 00000001')]), 'truncated');
    refuses(Buffer.concat([loss, hex('81ce')]), 'truncated');
    refuses(hex('41ce0002 00000001 00000002'), 'malformed');
    refuses(Buffer.concat([hex('a1ce0003 00000001 00000002 00000004'), loss]), 'malformed');
    for (const padding of ['00', '0d', '10', 'ff']) {
      refuses(hex(`a1ce0003 00000001 00000002 000000${padding}`), 'malformed');
    }
    refuses(Buffer.concat(Array.from({ length: maxRtcpPackets + 1 }, () => hex('80c90001 00000001'))), 'too-large');
  });

  it('lose only the packet that contradicts itself', () => {
    const counted = [
      hex('82c90001 00000001'), // two report blocks, none there
      hex('81c80001 00000001'), // a sender report without sender
      hex('81ca0002 00000001 01ff6161'), // an item of 255 bytes
      hex('9fcb0001 00000001'), // 31 sources, one there
      hex('81cb0002 00000001 ff000000'), // a reason of 255 bytes
      hex('80cd0001 00000001'), // feedback without media source
      hex('8fce0004 00000001 00000000 52454d42 ff000000'), // REMB for 255 sources, none there
      hex('8fcd0004 00000001 00000002 0000ffff 00000000'), // feedback on 65535 packets
      hex('8fcd0005 00000001 00000002 00000008 00000000 20080000'), // eight deltas, two there
      hex('8fcd0005 00000001 00000002 00000008 00000000 00000000'), // a run of nothing
    ];
    for (const packet of counted) {
      const { packets, skipped } = readRtcp(Buffer.concat([packet, loss]));
      assert.equal(skipped, 1, packet.toString('hex'));
      assert.deepEqual(packets, [{ kind: 'picture-loss', senderSsrc: 1, mediaSsrc: 2 }]);
    }
  });

  it('pass over XR (RFC 3611), unknown feedback and unknown types', () => {
    const passed = hex(
      '80cf0002 00000001 04000000 83ce0002 00000001 00000002 80d00000 8fce0003 00000001 00000000 00000000',
    );
    assert.deepEqual(readRtcp(passed), { packets: [], skipped: 4 });
  });

  it('bound what a NACK or FIR makes us allocate', () => {
    const entries = Array.from({ length: 300 }, (_, i) => ({ sequence: i, mask: 0xffff }));
    const nack = writeRtcp([{ kind: 'nack', senderSsrc: 1, mediaSsrc: 2, entries }]);
    assert.deepEqual(readRtcp(nack), { packets: [], skipped: 1 });
    assert.equal(lostSequences(entries, 100).length, 100);
  });

  it('read padding on the last packet', () => {
    const { packets } = readRtcp(hex('a1ce0004 00000001 00000002 00000000 00000008'));
    assert.deepEqual(packets, [{ kind: 'picture-loss', senderSsrc: 1, mediaSsrc: 2 }]);
  });

  it('read the padding of Chromium, which is no whole word', () => {
    // Transport-wide feedback as Chromium 156 sent it.
    const captured = [
      'afcd0008 00000001 c228c1c2 0000000c 03d86200 200ce200 00000040 502d0000 00000002',
      'afcd0007 00000001 d816b6dd 00180007 03d86503 2007a54e 0000014e 50000003',
    ];
    for (const text of captured) {
      const [packet] = readRtcp(hex(text)).packets;
      assert.ok(packet?.kind === 'transport-feedback' && packet.deltas.length > 0, text);
    }
  });

  it('clamp REMB = 2^63 and more (hostile input 27)', () => {
    for (const packed of ['ffffff', 'fe0000', 'b60001']) {
      const [packet] = readRtcp(hex(`8fce0004 00000001 00000000 52454d42 00${packed}`)).packets;
      assert.ok(packet?.kind === 'bitrate-estimate' && Number.isSafeInteger(packet.bitrate));
    }
    const estimate: RtcpPacket = { kind: 'bitrate-estimate', senderSsrc: 1, bitrate: 2 ** 63, ssrcs: [] };
    const [read] = readRtcp(writeRtcp([estimate])).packets;
    assert.ok(read?.kind === 'bitrate-estimate' && read.bitrate > 2 ** 52 && Number.isSafeInteger(read.bitrate));
  });

  it('clamp and wrap what reports count beyond their fields', () => {
    const block = {
      ssrc: 1,
      fractionLost: 256,
      cumulativeLost: 2 ** 24,
      highestSequence: 2 ** 32 + 5,
      jitter: 2 ** 33,
    };
    const report = { ...block, lastSenderReport: 0, delaySinceLast: 2 ** 40 };
    const [read] = readRtcp(writeRtcp([{ kind: 'receiver-report', ssrc: 1, reports: [report] }])).packets;
    assert.ok(read?.kind === 'receiver-report');
    assert.deepEqual(read.reports[0], {
      ssrc: 1,
      fractionLost: 255,
      cumulativeLost: 0x7fffff,
      highestSequence: 5,
      jitter: 0,
      lastSenderReport: 0,
      delaySinceLast: 0xffffffff,
    });
  });

  it('are not written where a field has no room', () => {
    const unwritable: RtcpPacket[] = [
      { kind: 'goodbye', ssrcs: [1], reason: 'x'.repeat(256) },
      { kind: 'goodbye', ssrcs: Array.from({ length: 32 }, () => 1), reason: undefined },
      { kind: 'source-description', chunks: [{ ssrc: 1, items: [{ type: 1, text: 'é'.repeat(128) }] }] },
      { kind: 'bitrate-estimate', senderSsrc: 1, bitrate: 1, ssrcs: Array.from({ length: 256 }, () => 1) },
      { kind: 'application', ssrc: 1, subtype: 0, name: 'abc', content: Buffer.alloc(0) },
      { kind: 'application', ssrc: 1, subtype: 0, name: 'abcd', content: Buffer.alloc(3) },
    ];
    for (const packet of unwritable) assert.throws(() => writeRtcp([packet]), WireError);
    const feedback = { kind: 'transport-feedback', senderSsrc: 1, mediaSsrc: 1, baseSequence: 0 } as const;
    for (const deltas of [[], [0x8000], [-0x8001], new Array<undefined>(8193).fill(undefined)]) {
      assert.throws(() => writeRtcp([{ ...feedback, referenceTime: 0, feedbackCount: 0, deltas }]), WireError);
    }
  });

  it('read one-bit vectors and the reserved symbol of transport-wide feedback', () => {
    const [packet] = readRtcp(hex('8fcd0006 00000001 00000002 00000012 00000000 a801 f000 07080900')).packets;
    assert.ok(packet?.kind === 'transport-feedback');
    const none = new Array<undefined>(17).fill(undefined);
    const wanted: (number | undefined)[] = [...none, undefined];
    wanted[0] = 7;
    wanted[2] = 8;
    wanted[13] = 9;
    assert.deepEqual(packet.deltas, wanted);
  });
});

describe('NACK entries (RFC 4585 6.2.1)', () => {
  it('pack and unpack around the wrap', () => {
    const lost = [0xfffd, 0xffff, 0, 13, 14, 100];
    const entries = nackEntries(lost);
    assert.deepEqual(entries, [
      { sequence: 0xfffd, mask: (1 << 1) | (1 << 2) | (1 << 15) },
      { sequence: 14, mask: 0 },
      { sequence: 100, mask: 0 },
    ]);
    assert.deepEqual(lostSequences(entries), lost);
    assert.deepEqual(nackEntries([]), []);
  });
});

describe('NTP time', () => {
  it('is Unix time and 70 years (RFC 3550 4)', () => {
    assert.deepEqual(ntpFromUnix(0), { seconds: 2_208_988_800, fraction: 0 });
    assert.deepEqual(ntpFromUnix(500_000), { seconds: 2_208_988_800, fraction: 2 ** 31 });
    for (const micros of [
      0,
      1,
      999_999,
      1_800_000_000_123_456,
      2_085_978_495_999_999,
      2_085_978_496_000_000,
      3e15 + 7,
    ]) {
      assert.equal(unixFromNtp(ntpFromUnix(micros)), micros);
    }
  });

  it('is compact in its middle bits (RFC 3550 6.4.1, figure 2)', () => {
    assert.equal(compactNtp({ seconds: 0xb44db705, fraction: 0x20000000 }), 0xb7052000);
  });
});
