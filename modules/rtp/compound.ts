import { Buffer } from 'node:buffer';
import { type CloseReason, describeReason } from '../../core/lifecycle/close-reason.ts';
import type { ReportBlock, RtcpPacket } from '../../wire/rtcp/packet.ts';
import { writeRtcp } from '../../wire/rtcp/writer.ts';

/** What a receiver says: a report first, then a CNAME, then what else there is. RFC 3550 6.1, RFC 4585 3.1. */
export function receiverCompound(
  ssrc: number,
  cname: string,
  reports: readonly ReportBlock[],
  more: readonly RtcpPacket[] = [],
): Buffer {
  return writeRtcp([
    { kind: 'receiver-report', ssrc, reports },
    { kind: 'source-description', chunks: [{ ssrc, items: [{ type: 1, text: cname }] }] },
    ...more,
  ]);
}

/** The end of one source or more of one sender: the only word that RTP has for it. RFC 3550 6.6. */
export function goodbyeCompound(ssrcs: readonly number[], why: CloseReason | undefined): Buffer {
  const reason = why === undefined ? undefined : plain(describeReason(why).slice(0, 80));
  return writeRtcp([
    { kind: 'receiver-report', ssrc: ssrcs[0] ?? 0, reports: [] },
    { kind: 'goodbye', ssrcs, reason },
  ]);
}

/** At most 255 bytes: RFC 3550 6.6. */
function plain(text: string): string {
  return Buffer.from(text)
    .subarray(0, 200)
    .toString()
    .replace(/\uFFFD/g, '');
}
