/** Bytes `first` to `last`, both included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

const single = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * The one range that a Range header asks for (RFC 9110 14.1.2). Undefined, the whole, for another unit, what is no
 * range, and for several: nobody here needs them, and overlapping ones would make a small request send much.
 */
export function readRange(header: string, length: number): Range | 'unsatisfiable' | undefined {
  const match = single.exec(header.trim());
  const from = match?.[1];
  const to = match?.[2];
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (from === '') {
    const count = Math.min(Number(to), length);
    return count === 0 ? 'unsatisfiable' : { first: length - count, last: length - 1 };
  }
  const first = Number(from);
  const last = to === '' ? length - 1 : Math.min(Number(to), length - 1);
  if (to !== '' && Number(to) < first) return undefined;
  return first >= length ? 'unsatisfiable' : { first, last };
}
