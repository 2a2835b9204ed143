import { type Micros, micros } from '../time/micros.ts';

const durationUnits: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
};

const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** `10s`, `1.5m`, `250ms`, `1h30m`, `0`; `undefined` when it is none. */
export function parseDuration(text: string): Micros | undefined {
  if (text === '0') return micros(0);
  if (!/^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+$/.test(text) || text.length > 40) return undefined;
  let total = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g)) {
    total += Number(amount) * (durationUnits[unit] ?? 0);
  }
  return Number.isSafeInteger(Math.round(total)) ? micros(total) : undefined;
}

/** The shortest text that reads back as `value`. */
export function formatDuration(value: Micros): string {
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const amount = value / (durationUnits[unit] ?? 1);
    if (Number.isInteger(amount) && amount > 0) return `${amount}${unit}`;
  }
  return value === 0 ? '0' : `${value}us`;
}

/** Bytes of `8MiB`, `100kB`, `64B`, `0`; `undefined` when it is none. */
export function parseSize(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d{1,16}(?:\.\d{1,6})?)(B|kB|MB|GB|KiB|MiB|GiB)$/.exec(text);
  if (match === null) return undefined;
  const bytes = Math.round(Number(match[1]) * (sizeUnits[match[2] ?? ''] ?? 0));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest text that reads back as `bytes`. */
export function formatSize(bytes: number): string {
  for (const unit of ['GiB', 'GB', 'MiB', 'MB', 'KiB', 'kB'] as const) {
    const amount = bytes / (sizeUnits[unit] ?? 1);
    if (Number.isInteger(amount) && amount > 0) return `${amount}${unit}`;
  }
  return bytes === 0 ? '0' : `${bytes}B`;
}
