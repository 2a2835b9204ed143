/**
 * Streams as FFmpeg 5.1.9 writes them (`-f nut`), whole, with what `ffprobe -show_packets` says of them. `pipe` is
 * `-syncpoints none -strict experimental`, version 4.
 */
export interface NutVector {
  readonly name: string;
  readonly origin: string;
  readonly hex: string;
  readonly stream: Readonly<Record<string, unknown>>;
  /** pts, keyframe, bytes. */
  readonly frames: readonly (readonly [number, boolean, number])[];
}
