import type { Buffer } from 'node:buffer';
import { service } from '../modules/service.ts';

export interface SnapshotRequest {
  readonly format: 'png' | 'jpeg';
  /** Pixels; the height follows. Absent: as the stream. A smaller picture is not made larger. */
  readonly width?: number;
}

/** Pictures of live streams: what transcoding offers to those who show them. */
export interface Snapshots {
  /**
   * The newest keyframe of a live stream as a file. Throws `stream-not-found`, `stream-has-no-media`, `limit-reached`,
   * `transcoder-failed`.
   */
  take(streamName: string, request: SnapshotRequest): Promise<Buffer>;
}

export const Snapshots = service<Snapshots>('snapshots');
