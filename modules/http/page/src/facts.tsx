import type { Figures } from './figures.ts';
import { formatBitrate, formatDelay, formatShare, formatSize } from './format.ts';

export type FactRow = readonly [name: string, value: string | undefined];

/** Names and values; what has no value is left out. */
export function Facts({ rows }: { readonly rows: readonly FactRow[] }) {
  return (
    <dl class="facts">
      {rows.map(
        ([name, value]) =>
          value !== undefined && (
            <div class="fact" key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** What players and publishers have in common. */
export function commonRows(figures: Figures): readonly FactRow[] {
  const { videoCodec, audioCodec, width, height, frameRate, bitrate, loss } = figures;
  return [
    ['Video', videoCodec],
    ['Size', width === undefined || height === undefined ? undefined : formatSize({ width, height })],
    ['Frames', frameRate === undefined ? undefined : `${Math.round(frameRate)} fps`],
    ['Audio', audioCodec],
    ['Bit rate', bitrate === undefined ? undefined : formatBitrate(bitrate)],
    ['Loss', loss === undefined ? undefined : formatShare(loss)],
  ];
}

export function delayRow(name: string, seconds: number | undefined, missing?: string): FactRow {
  return [name, seconds === undefined ? missing : formatDelay(seconds)];
}
