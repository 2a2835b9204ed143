import type { Scope } from '../lifecycle/scope.ts';

/** One remote peer over one protocol. */
export interface Session {
  /** Unique in the server's life. */
  readonly id: string;
  /** The module's name: `rtmp`, `hls`. */
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly scope: Scope;
  /** Unix time in µs when it began. */
  readonly startedAt: number;
  /** What the peer calls itself (user agent, flashVer); bounded and cleaned of control characters. */
  readonly agent: string;
  /** What it does at the moment, for the inspection tree: plain values, cheap to make. */
  inspect(): Record<string, unknown>;
}
