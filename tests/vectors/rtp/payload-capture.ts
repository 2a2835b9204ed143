/** Packets of a foreign sender, and the units that they hold. */
export interface PayloadCapture {
  readonly name: string;
  /** Which depacketizer reads it. */
  readonly format: 'vp8' | 'vp9' | 'h264' | 'h265' | 'mpeg4' | 'mpa' | 'aac' | 'latm';
  readonly origin: string;
  /** Whole RTP packets, hexadecimal. */
  readonly packets: readonly string[];
  /** In order of the packets: ticks since the first packet, and of each part the first 16 digits of its SHA-256. */
  readonly units: readonly { readonly ticks: number; readonly sums: readonly string[] }[];
}
