import type { Buffer } from 'node:buffer';
import { TsDemuxer, type TsDemuxerSettings } from '../../../wire/mpegts/demuxer.ts';
import type { TsPes } from '../../../wire/mpegts/pes-assembler.ts';
import type { ProgramMap } from '../../../wire/mpegts/psi.ts';

export type Collected = {
  readonly programs: ProgramMap[];
  readonly pes: TsPes[];
  readonly pcrs: number[];
  readonly demuxer: TsDemuxer;
};

/** Runs chunks through a demuxer to the end. */
export function demuxAll(chunks: readonly Buffer[], settings: TsDemuxerSettings = {}): Collected {
  const programs: ProgramMap[] = [];
  const pes: TsPes[] = [];
  const pcrs: number[] = [];
  const demuxer = new TsDemuxer(settings, {
    onProgram: (program) => programs.push(program),
    onPes: (unit) => pes.push(unit),
    onPcr: (_pid, pcr) => pcrs.push(pcr),
  });
  for (const chunk of chunks) demuxer.push(chunk);
  demuxer.flush();
  return { programs, pes, pcrs, demuxer };
}

/** The bytes in chunks of one size. */
export function inChunks(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}
