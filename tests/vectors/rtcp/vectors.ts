import { Buffer } from 'node:buffer';
import type { RtcpPacket } from '../../../wire/rtcp/packet.ts';

export type RtcpVector = {
  readonly name: string;
  /** Where the bytes come from. */
  readonly origin: string;
  readonly bytes: Buffer;
  readonly packets: readonly RtcpPacket[];
};

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

const report = {
  ssrc: 0x11223344,
  fractionLost: 64,
  cumulativeLost: -2,
  highestSequence: 0x0001_fffe,
  jitter: 500,
  lastSenderReport: 0xb44db705,
  delaySinceLast: 0x0005_4000,
};

/** Each is read to `packets` and written back to the same bytes. */
export const rtcpVectors: readonly RtcpVector[] = [
  {
    name: 'sender report with a block, SDES and BYE',
    origin: 'laid out by RFC 3550 6.4.1, 6.5, 6.6; the LSR and DLSR are of the example in 6.4.1, figure 2',
    bytes: hex(`
      81c8000c cafebabe b44db705 20000000 00015f90 00000064 00003039
      11223344 40fffffe 0001fffe 000001f4 b44db705 00054000
      82ca0006 cafebabe 0105 612e622e63 00 1234abcd 01016b 0601 78 0000
      81cb0003 cafebabe 04 74686520 000000`),
    packets: [
      {
        kind: 'sender-report',
        ssrc: 0xcafebabe,
        ntp: { seconds: 0xb44db705, fraction: 0x20000000 },
        rtpTimestamp: 90000,
        packets: 100,
        octets: 12345,
        reports: [report],
      },
      {
        kind: 'source-description',
        chunks: [
          { ssrc: 0xcafebabe, items: [{ type: 1, text: 'a.b.c' }] },
          {
            ssrc: 0x1234abcd,
            items: [
              { type: 1, text: 'k' },
              { type: 6, text: 'x' },
            ],
          },
        ],
      },
      { kind: 'goodbye', ssrcs: [0xcafebabe], reason: 'the ' },
    ],
  },
  {
    name: 'receiver report and APP',
    origin: 'laid out by RFC 3550 6.4.2 and 6.7',
    bytes: hex(`
      81c90007 00000001 11223344 40fffffe 0001fffe 000001f4 b44db705 00054000
      85cc0003 00000001 6e616d65 01020304`),
    packets: [
      { kind: 'receiver-report', ssrc: 1, reports: [report] },
      { kind: 'application', ssrc: 1, subtype: 5, name: 'name', content: hex('01020304') },
    ],
  },
  {
    name: 'NACK, PLI, FIR',
    origin: 'laid out by RFC 4585 6.2.1 and 6.3.1, RFC 5104 4.3.1',
    bytes: hex(`
      81cd0004 00000001 00000002 fffe8001 00140000
      81ce0002 00000001 00000002
      84ce0006 00000001 00000000 00000002 07000000 00000003 ff000000`),
    packets: [
      {
        kind: 'nack',
        senderSsrc: 1,
        mediaSsrc: 2,
        entries: [
          { sequence: 0xfffe, mask: 0x8001 },
          { sequence: 20, mask: 0 },
        ],
      },
      { kind: 'picture-loss', senderSsrc: 1, mediaSsrc: 2 },
      {
        kind: 'full-intra-request',
        senderSsrc: 1,
        requests: [
          { ssrc: 2, sequence: 7 },
          { ssrc: 3, sequence: 255 },
        ],
      },
    ],
  },
  {
    name: 'REMB',
    origin: 'laid out by draft-alvestrand-rmcat-remb-03 2.2: 139487 << 6',
    bytes: hex('8fce0007 00000001 00000000 52454d42 03 1a20df 4874ed16 00000002 00000003'),
    packets: [{ kind: 'bitrate-estimate', senderSsrc: 1, bitrate: 8927168, ssrcs: [0x4874ed16, 2, 3] }],
  },
  {
    name: 'transport-wide feedback: a run, a vector of two bits',
    origin: 'laid out by draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1',
    bytes: hex(`
      8fcd0009 00000001 00000002 fffa 0010 ffffff 05
      2009 c860 0102030405060708 ff ff38 09 0102 0000`),
    packets: [
      {
        kind: 'transport-feedback',
        senderSsrc: 1,
        mediaSsrc: 2,
        baseSequence: 0xfffa,
        referenceTime: -1,
        feedbackCount: 5,
        deltas: [1, 2, 3, 4, 5, 6, 7, 8, 255, undefined, -200, undefined, 9, 258, undefined, undefined],
      },
    ],
  },
];
