import type { Buffer } from 'node:buffer';
import type { TransportFeedback } from './transport-feedback.ts';

/** RTCP packet types: RFC 3550 12.1, RFC 4585 6.1, RFC 3611 2. */
export const rtcpType = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  goodbye: 203,
  application: 204,
  transportFeedback: 205,
  payloadFeedback: 206,
  extendedReport: 207,
} as const;

/** FMT of transport layer feedback (205): RFC 4585 6.2, draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1. */
export const transportFormat = { nack: 1, transportWide: 15 } as const;
/** FMT of payload-specific feedback (206): RFC 4585 6.3.1, RFC 5104 4.3.1, draft-alvestrand-rmcat-remb-03 2.2. */
export const payloadFormat = { pictureLoss: 1, fullIntraRequest: 4, application: 15 } as const;

/** RFC 3550 6.4.1: what a receiver has seen of one source. */
export type ReportBlock = {
  readonly ssrc: number;
  /** Of the packets since the last report, in 1/256. */
  readonly fractionLost: number;
  /** Signed, 24 bits: duplicates make it negative. */
  readonly cumulativeLost: number;
  /** Cycles in the upper half, the highest sequence number in the lower. */
  readonly highestSequence: number;
  /** In ticks of the source's clock. */
  readonly jitter: number;
  /** The middle 32 bits of the NTP time of the last sender report; 0 without one. */
  readonly lastSenderReport: number;
  /** Since that arrived, in 1/65536 s. */
  readonly delaySinceLast: number;
};

/** NTP time, RFC 3550 4: seconds since 1900 and their fraction in 2^-32. */
export type NtpTime = { readonly seconds: number; readonly fraction: number };

export type SenderReport = {
  readonly kind: 'sender-report';
  readonly ssrc: number;
  readonly ntp: NtpTime;
  /** The same moment on the RTP clock. */
  readonly rtpTimestamp: number;
  readonly packets: number;
  readonly octets: number;
  readonly reports: readonly ReportBlock[];
};
export type ReceiverReport = {
  readonly kind: 'receiver-report';
  readonly ssrc: number;
  readonly reports: readonly ReportBlock[];
};
/** One chunk of SDES for each source; RFC 3550 6.5. */
export type SourceDescription = { readonly kind: 'source-description'; readonly chunks: readonly SdesChunk[] };
export type SdesChunk = {
  readonly ssrc: number;
  /** 1 is CNAME. At most 255 bytes of UTF-8 each. */
  readonly items: readonly { readonly type: number; readonly text: string }[];
};
export type Goodbye = {
  readonly kind: 'goodbye';
  readonly ssrcs: readonly number[];
  readonly reason: string | undefined;
};
export type ApplicationPacket = {
  readonly kind: 'application';
  readonly ssrc: number;
  readonly subtype: number;
  /** Four ASCII characters. */
  readonly name: string;
  readonly content: Buffer;
};
/** RFC 4585 6.2.1. */
export type Nack = {
  readonly kind: 'nack';
  readonly senderSsrc: number;
  readonly mediaSsrc: number;
  readonly entries: readonly NackEntry[];
};
/** `sequence` is lost, and `sequence + 1 + i` where bit i of the mask is set. */
export type NackEntry = { readonly sequence: number; readonly mask: number };
/** RFC 4585 6.3.1. */
export type PictureLoss = { readonly kind: 'picture-loss'; readonly senderSsrc: number; readonly mediaSsrc: number };
/** RFC 5104 4.3.1: a request repeated has the same number. */
export type FullIntraRequest = {
  readonly kind: 'full-intra-request';
  readonly senderSsrc: number;
  readonly requests: readonly { readonly ssrc: number; readonly sequence: number }[];
};
/** draft-alvestrand-rmcat-remb-03. */
export type BitrateEstimate = {
  readonly kind: 'bitrate-estimate';
  readonly senderSsrc: number;
  /** Bit/s, at most 2^53 - 1: a mantissa of 18 bits shifted by up to 63 is clamped. */
  readonly bitrate: number;
  readonly ssrcs: readonly number[];
};

export type RtcpPacket =
  | SenderReport
  | ReceiverReport
  | SourceDescription
  | Goodbye
  | ApplicationPacket
  | Nack
  | PictureLoss
  | FullIntraRequest
  | BitrateEstimate
  | TransportFeedback;
