import type { PortRange } from '../../core/config/schema.ts';

/** Ports of a range, as consoles count them. */
export interface PortUsage {
  readonly busy: number;
  /** Those that this server does not use; whether another program has one shows when it is tried. */
  readonly free: number;
  /** A port may be taken again as soon as it is closed: nothing is held back. */
  readonly quarantine: 0;
}

/** `open` are the numbers of ports that are open, in the range or not, on one address or on several. */
export function measurePorts({ first, last }: PortRange, open: Iterable<number>): PortUsage {
  const busy = new Set<number>();
  for (const port of open) if (port >= first && port <= last) busy.add(port);
  return { busy: busy.size, free: Math.max(0, last - first + 1) - busy.size, quarantine: 0 };
}
