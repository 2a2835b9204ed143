import { WireError } from '../errors.ts';
import { parseBounded } from './json.ts';

/*
 * Metrics that clients send of their peer connections: a description names columns `<type>.<statsId>.<metric>` joined by
 * commas; a batch is a JSON list of rows joined by semicolons, with blanks for values that did not change.
 */

export interface MetricColumn {
  /** `inbound-rtp`. */
  readonly type: string;
  /** `packetsLost`. */
  readonly metric: string;
}

const mostColumns = 1_000;
const mostRows = 1_000;
const batchBounds = { longest: 256 * 1_024, deepest: 1, values: mostRows } as const;

/** The columns of a description; one that is not read so stands as empty, to keep the places of the others. */
export function readMetricColumns(headers: string): readonly MetricColumn[] {
  return headers.split(',', mostColumns).map((entry) => {
    const first = entry.indexOf('.');
    const last = entry.lastIndexOf('.');
    if (first <= 0 || last <= first) return { type: '', metric: '' };
    return { type: entry.slice(0, first).trim(), metric: entry.slice(last + 1).trim() };
  });
}

/** The rows of a batch; undefined for a value that is blank or no number. Throws WireError. */
export function readMetricRows(text: string, columns: number): readonly (readonly (number | undefined)[])[] {
  const rows = parseBounded(text, batchBounds);
  if (!Array.isArray(rows)) throw new WireError('malformed', 'wcs', 'metrics that are not a list');
  return rows.map((row: unknown) => {
    if (typeof row !== 'string') throw new WireError('malformed', 'wcs', 'a row of metrics that is not a text');
    return row.split(';', Math.min(columns, mostColumns)).map(readNumber);
  });
}

function readNumber(text: string): number | undefined {
  if (text.trim() === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
