import type { PortRange } from '../../../core/config/schema.ts';
import { SwitchyardError } from '../../../core/errors.ts';
import type { Scope } from '../../../core/lifecycle/scope.ts';

/** Ports that are tried before giving up. */
const mostTries = 128;

export interface PortSearch {
  /** The port to take; 0 for any. */
  readonly wanted: number;
  /** Tried first where any will do. */
  readonly liked: number | undefined;
  readonly range: PortRange;
}

/**
 * Opens by `open`: at the port that is wanted alone, or at the first of the others that is free. Gives the port. What `open` made
 * belongs to `run`, which closes when it fails, else with `scope`. Throws what `open` failed with, and `limit-reached`.
 */
export async function openFreePort(
  { wanted, liked, range }: PortSearch,
  scope: Scope,
  open: (port: number, run: Scope) => Promise<void>,
): Promise<number> {
  const ports = wanted > 0 ? [wanted] : [...(liked === undefined ? [] : [liked]), ...fromTheEnd(range)];
  let failure: unknown = new SwitchyardError('limit-reached', { what: 'ports for browsers', limit: 0 });
  for (const port of ports) {
    const run = scope.child(`ports ${port}`);
    try {
      await open(port, run);
      return port;
    } catch (error) {
      failure = error;
      await run.close({ code: 'failed', error });
      if (!isTaken(error)) break;
    }
  }
  throw failure;
}

/** Whether a `port-unavailable` is so because somebody else has the port. */
export function isTaken(error: unknown): boolean {
  const { cause } = error as { cause?: NodeJS.ErrnoException };
  return cause?.code === 'EADDRINUSE';
}

/** Pairs of RTP and RTCP are looked for anywhere in the range; from its end, the port is the same at each start as a rule. */
function fromTheEnd({ first, last }: PortRange): number[] {
  return Array.from({ length: Math.min(mostTries, last - first + 1) }, (_, index) => last - index);
}
