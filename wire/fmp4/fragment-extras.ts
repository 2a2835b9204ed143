import type { Buffer } from 'node:buffer';
import type { BoxWriter } from './box-writer.ts';
import type { Ticks } from './track.ts';

/** Seconds from 1900 (NTP) to 1970 (Unix). */
const NTP_TO_UNIX = 2_208_988_800;
const MICROS = 1_000_000;

/** Which moment the wall time of `prft` means (ISO/IEC 14496-12 8.16.5.3, the flags of the box). */
export type ProducerMoment =
  | 'encoder-input'
  | 'encoder-output'
  | 'fragment-finalized'
  | 'fragment-written'
  | 'captured';

const MOMENT_FLAGS: Readonly<Record<ProducerMoment, number>> = {
  'encoder-input': 0,
  'encoder-output': 1,
  'fragment-finalized': 2,
  'fragment-written': 4,
  captured: 24,
};

/** Ties media time to the wall clock: what a player needs to show its latency. */
export interface ProducerTime {
  readonly trackId: number;
  /** Whole microseconds of Unix time. */
  readonly unixMicros: number;
  /** The same moment in the track's ticks. */
  readonly mediaTime: Ticks;
  readonly moment: ProducerMoment;
}

/** `prft` version 1, ISO/IEC 14496-12 8.16.5. */
export function writeProducerTime(out: BoxWriter, time: ProducerTime): void {
  const seconds = Math.floor(time.unixMicros / MICROS);
  const micros = time.unixMicros - seconds * MICROS;
  const prft = out.beginFull('prft', 1, MOMENT_FLAGS[time.moment]);
  out.u32(time.trackId);
  out.u32((seconds + NTP_TO_UNIX) >>> 0); // NTP eras wrap in 2036
  out.u32(Math.floor((micros * 0x1_0000_0000) / MICROS));
  out.u64(time.mediaTime);
  out.end(prft);
}

/** A message to the player's application, in the time of the media (ISO/IEC 23009-1 5.10.3.3). */
export interface EventMessage {
  readonly scheme: string;
  readonly value: string;
  /** Ticks a second of the two times. */
  readonly timescale: number;
  readonly presentationTime: Ticks;
  /** 0xffffffff when unknown. */
  readonly duration: number;
  readonly id: number;
  readonly message: Buffer;
}

/** `emsg` version 1. */
export function writeEventMessage(out: BoxWriter, event: EventMessage): void {
  const emsg = out.beginFull('emsg', 1, 0);
  out.u32(event.timescale);
  out.u64(event.presentationTime);
  out.u32(event.duration);
  out.u32(event.id);
  out.text(event.scheme);
  out.text(event.value);
  out.bytes(event.message);
  out.end(emsg);
}
