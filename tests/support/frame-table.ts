/** One packet, or one decoded frame: a line of ffmpeg's `framemd5` or `framecrc`. Times are ticks of its stream. */
export interface FrameRow {
  readonly stream: number;
  readonly dts: number;
  readonly pts: number;
  /** Bytes. */
  readonly size: number;
  readonly sum: string;
}

/** What ffmpeg's `framemd5` or `framecrc` told of a file. */
export interface FrameTable {
  readonly rows: readonly FrameRow[];
  /** Seconds of a tick, by stream. */
  readonly timeBases: ReadonlyMap<number, number>;
  /** The number of the first stream of a kind. */
  find(kind: 'video' | 'audio'): number | undefined;
  of(stream: number | undefined): readonly FrameRow[];
  /** Checksums of a stream, in its order. */
  sums(stream: number | undefined): readonly string[];
}

export function readFrameTable(told: string | Buffer): FrameTable {
  const text = told.toString();
  const rows = text
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line): FrameRow => {
      const [stream, dts, pts, , size, sum = ''] = line.split(',').map((field) => field.trim());
      return { stream: Number(stream), dts: Number(dts), pts: Number(pts), size: Number(size), sum };
    });
  const bases = [...text.matchAll(/^#tb (\d+): (\d+)\/(\d+)/gm)];
  const kinds = [...text.matchAll(/^#media_type (\d+): (\w+)/gm)];
  const of = (stream: number | undefined): FrameRow[] => rows.filter((row) => row.stream === stream);
  return {
    rows,
    timeBases: new Map(bases.map(([, stream, num, den]) => [Number(stream), Number(num) / Number(den)])),
    find: (kind) => {
      const found = kinds.find(([, , told]) => told === kind)?.[1];
      return found === undefined ? undefined : Number(found);
    },
    of,
    sums: (stream) => of(stream).map(({ sum }) => sum),
  };
}
