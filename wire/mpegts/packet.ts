/** The length of a transport packet, ISO/IEC 13818-1 2.4.3.2. */
export const TS_PACKET_BYTES = 188;
export const TS_SYNC_BYTE = 0x47;
export const PAT_PID = 0x0000;
export const NULL_PID = 0x1fff;
/** What four header bytes leave of a packet. */
export const TS_PAYLOAD_BYTES = 184;

/** PIDs that tracks and PMTs may use: below are CAT, TSDT and DVB's tables, above is the null packet (table 2-3). */
export const FIRST_FREE_PID = 0x0010;
export const LAST_FREE_PID = 0x1ffe;

/** PTS, DTS and the PCR's base count 90 kHz in 33 bits. */
export const TS_CLOCK_RATE = 90_000;
export const TS_TIMESTAMP_RANGE = 2 ** 33;
/** The PCR's clock, 300 times as fast. */
export const PCR_CLOCK_RATE = 27_000_000;

/** stream_type, ISO/IEC 13818-1 table 2-34. */
export const StreamType = {
  mpeg1Video: 0x01,
  mpeg2Video: 0x02,
  mpeg1Audio: 0x03,
  mpeg2Audio: 0x04,
  /** PES packets with private content; descriptors say what (Opus). */
  private: 0x06,
  adtsAac: 0x0f,
  latmAac: 0x11,
  /** Timed metadata in PES packets (HLS ID3). */
  metadata: 0x15,
  h264: 0x1b,
  h265: 0x24,
} as const;

/** stream_id, table 2-22. Of video and audio the first of the range. */
export const StreamId = {
  privateStream1: 0xbd,
  padding: 0xbe,
  privateStream2: 0xbf,
  audio: 0xc0,
  video: 0xe0,
} as const;

/** The absolute tick count nearest to `previous` whose lowest 33 bits are `timestamp`; without `previous`, `timestamp`. */
export function unwrapTimestamp(timestamp: number, previous: number | undefined): number {
  if (previous === undefined) return timestamp;
  const rounds = Math.round((previous - timestamp) / TS_TIMESTAMP_RANGE);
  return timestamp + rounds * TS_TIMESTAMP_RANGE;
}

/** A tick count, negative or beyond the range, as 33 bits. */
export function wrapTimestamp(ticks: number): number {
  const wrapped = ticks % TS_TIMESTAMP_RANGE;
  return wrapped < 0 ? wrapped + TS_TIMESTAMP_RANGE : wrapped;
}
