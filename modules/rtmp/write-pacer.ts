import type * as core from '../../core/streams/write-pacer.ts';
import type { Batches } from './batches.ts';

/** RTMP's viewers share batches of chunked messages. */
export type WritePacer = core.WritePacer<Batches>;
export type Viewer = core.Viewer<Batches>;
