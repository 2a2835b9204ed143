import { Buffer } from 'node:buffer';
import { WireError } from '../../errors.ts';

/** Bytes of one event. */
const eventLength = 4;
/** Events of a payload that are read: more don't follow one another within the time of a packet. */
const mostEvents = 16;
/** By event code, RFC 4733 3.2. */
const digits = '0123456789*#ABCD';

/** A named event, RFC 4733 2.3. */
export interface TelephoneEvent {
  /** 0 to 255: 0 to 15 are the keys of a telephone, see `digitOfEvent`. */
  readonly event: number;
  /** The event is over. It is sent three times with the same duration (RFC 4733 2.5.1.4). */
  readonly end: boolean;
  /** Power in -dBm0: 0 to 63, the greater the lower. */
  readonly volume: number;
  /** Ticks since the timestamp of the packet, 0 to 65535; longer events go on in segments (RFC 4733 2.5.1.3). */
  readonly duration: number;
}

/** The events of a payload: nearly always one; others follow at once upon the one before. Throws WireError. */
export function readTelephoneEvents(payload: Buffer): readonly TelephoneEvent[] {
  if (payload.length === 0 || payload.length % eventLength !== 0) {
    throw new WireError('truncated', 'rtp', `telephone events in ${payload.length} bytes`);
  }
  if (payload.length > mostEvents * eventLength) throw new WireError('too-large', 'rtp', 'many telephone events');
  const events: TelephoneEvent[] = [];
  for (let at = 0; at < payload.length; at += eventLength) {
    const flags = payload.readUInt8(at + 1);
    events.push({
      event: payload.readUInt8(at),
      end: (flags & 0x80) !== 0,
      volume: flags & 0x3f,
      duration: payload.readUInt16BE(at + 2),
    });
  }
  return events;
}

export function writeTelephoneEvents(events: readonly TelephoneEvent[]): Buffer {
  const payload = Buffer.allocUnsafe(events.length * eventLength);
  let at = 0;
  for (const { event, end, volume, duration } of events) {
    payload[at] = event;
    payload[at + 1] = (end ? 0x80 : 0) | (volume & 0x3f); // R is 0
    payload.writeUInt16BE(duration & 0xffff, at + 2);
    at += eventLength;
  }
  return payload;
}

/** The key of a telephone; undefined for other events. */
export function digitOfEvent(event: number): string | undefined {
  return digits[event];
}

/** The code of a key: `0` to `9`, `*`, `#`, `A` to `D`; undefined for what is none. */
export function eventOfDigit(digit: string): number | undefined {
  const event = digit.length === 1 ? digits.indexOf(digit.toUpperCase()) : -1;
  return event < 0 ? undefined : event;
}
