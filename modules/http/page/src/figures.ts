/** What is measured of media that is played or published; what cannot be told is absent. */
export interface Figures {
  /** As people write it: `H.264`. */
  readonly videoCodec?: string | undefined;
  readonly audioCodec?: string | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Pictures a second. */
  readonly frameRate?: number | undefined;
  /** Bits a second, picture and sound. */
  readonly bitrate?: number | undefined;
  /** Share of the packets of the last seconds that never came, 0 to 1. */
  readonly loss?: number | undefined;
  readonly freezes?: number | undefined;
  /** Seconds, estimated. */
  readonly latency?: number | undefined;
  /** Seconds there and back. */
  readonly roundTrip?: number | undefined;
  /** What keeps a publisher from sending better: `bandwidth`, `cpu`. */
  readonly limit?: string | undefined;
}
