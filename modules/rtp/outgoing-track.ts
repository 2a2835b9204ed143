import { Buffer } from 'node:buffer';
import type { Track } from '../../core/streams/track.ts';
import type { QueuedUnit } from '../../core/streams/track-log.ts';
import { type Micros, seconds, toTicks } from '../../core/time/micros.ts';
import { ntpFromUnix } from '../../wire/rtcp/ntp.ts';
import { writeRtcp } from '../../wire/rtcp/writer.ts';
import { rtpHeaderLength, writeRtpHeader } from '../../wire/rtp/packet.ts';
import { rtpPayloads, ticksOfPayload } from './payloads.ts';

export interface OutgoingTrackSettings {
  readonly payloadType: number;
  readonly clockRate: number;
  readonly ssrc: number;
  /** Random: RFC 3550 5.1. */
  readonly firstSequence: number;
  readonly firstTimestamp: number;
  readonly cname: string;
  /** Unix time at which the media of a stream time was captured. */
  readonly wallAt: (pts: Micros) => Micros;
}

/** A unit as it goes over the wire, the same for all who get it. */
export interface SentUnit {
  /** Whole RTP packets. Empty for what RTP has no form for. */
  readonly packets: readonly Buffer[];
  /** Of the first packet, unwrapped. */
  readonly sequence: number;
  /** Unwrapped ticks. */
  readonly timestamp: number;
  /** The sender report that goes out before it, where one is due. */
  readonly report: Buffer | undefined;
}

/** RFC 3550 6.2: the least interval of RTCP; between two viewers' reports of a stream of a second or two nothing drifts. */
const reportInterval = seconds(5);

/**
 * One track as a source of RTP: all its viewers get the same source, numbers and timestamps, and therefore the same bytes. Units
 * are numbered in the order of the log, whoever asks first: one who joins at the cached group and one who lags behind see each
 * their own stretch of one row of numbers.
 */
export class OutgoingTrack {
  readonly track: Track;
  readonly ssrc: number;
  readonly clockRate: number;
  readonly #settings: OutgoingTrackSettings;
  readonly #sent = new WeakMap<QueuedUnit, SentUnit>();
  /** Place in the log of the next unit to be numbered. */
  #position = 0;
  #sequence: number;
  #packets = 0;
  #octets = 0;
  #lastReport: number | undefined;

  constructor(track: Track, settings: OutgoingTrackSettings) {
    this.track = track;
    this.#settings = settings;
    this.ssrc = settings.ssrc;
    this.clockRate = settings.clockRate;
    this.#sequence = settings.firstSequence;
    this.#position = track.log.start;
  }

  /** Number that the next new packet gets. */
  get nextSequence(): number {
    return this.#sequence;
  }

  /** Unwrapped ticks of a stream time. */
  timestampOf(pts: Micros): number {
    return this.#settings.firstTimestamp + toTicks(pts, this.clockRate);
  }

  /** The unit as it goes out. */
  send(queued: QueuedUnit): SentUnit {
    const known = this.#sent.get(queued);
    if (known !== undefined) return known;
    const { log } = this.track;
    for (let position = Math.max(this.#position, log.start); position < log.end; position += 1) {
      const next = log.find(position);
      if (next === undefined) break;
      this.#position = position + 1;
      const sent = this.#number(next);
      if (next === queued) return sent;
    }
    // It has left the log since it was pulled.
    return this.#number(queued);
  }

  /** A report for one who begins with `sent`. */
  reportFor(pts: Micros): Buffer {
    const { ssrc, cname, wallAt } = this.#settings;
    return writeRtcp([
      {
        kind: 'sender-report',
        ssrc,
        ntp: ntpFromUnix(wallAt(pts)),
        rtpTimestamp: this.timestampOf(pts) >>> 0,
        packets: this.#packets >>> 0,
        octets: this.#octets >>> 0,
        reports: [],
      },
      { kind: 'source-description', chunks: [{ ssrc, items: [{ type: 1, text: cname }] }] },
    ]);
  }

  #number(queued: QueuedUnit): SentUnit {
    const { unit } = queued;
    const payloads = unit.as(rtpPayloads);
    const timestamp = this.timestampOf(unit.pts);
    const sent: SentUnit = {
      packets: this.#packetize(payloads, timestamp, unit.codec.kind === 'video'),
      sequence: this.#sequence,
      timestamp,
      report: this.#reportDue(unit.pts),
    };
    this.#sequence += payloads.length;
    this.#sent.set(queued, sent);
    return sent;
  }

  #reportDue(pts: Micros): Buffer | undefined {
    if (this.#lastReport !== undefined && pts - this.#lastReport < reportInterval) return undefined;
    const first = this.#lastReport === undefined;
    this.#lastReport = pts;
    // Whoever joins gets one of his own: the first is not yet due.
    return first ? undefined : this.reportFor(pts);
  }

  /** One piece of memory for all packets of the unit. */
  #packetize(payloads: readonly Buffer[], timestamp: number, video: boolean): readonly Buffer[] {
    const { payloadType, ssrc } = this.#settings;
    let length = 0;
    for (let index = 0; index < payloads.length; index += 1)
      length += rtpHeaderLength + (payloads[index] as Buffer).length;
    const bytes = Buffer.allocUnsafeSlow(length);
    const packets: Buffer[] = [];
    const { codec } = this.track;
    let at = 0;
    let time = timestamp;
    for (let index = 0; index < payloads.length; index += 1) {
      const payload = payloads[index] as Buffer;
      // RFC 6184 5.1, RFC 3640 3.1: the last packet of a unit. Audio that has a marker for talkspurts is never marked.
      const marker = index === payloads.length - 1 && (video || marksUnits(this.track));
      const sequence = this.#sequence + index;
      const end = writeRtpHeader(bytes, at, { marker, payloadType, sequence, timestamp: time, ssrc });
      payload.copy(bytes, end);
      packets.push(bytes.subarray(at, end + payload.length));
      at = end + payload.length;
      time += ticksOfPayload(codec, payload);
    }
    this.#packets += payloads.length;
    this.#octets += length - payloads.length * rtpHeaderLength;
    return packets;
  }
}

function marksUnits(track: Track): boolean {
  return track.codec.name === 'aac';
}
