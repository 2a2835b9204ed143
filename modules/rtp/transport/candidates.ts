import { networkInterfaces } from 'node:os';

/** One of our candidates; all are `host`, as ICE-lite has no others (RFC 8445 5.2). */
export interface Candidate {
  readonly protocol: 'udp' | 'tcp';
  readonly address: string;
  readonly port: number;
  /** RFC 8445 5.1.2.1. */
  readonly priority: number;
}

/** RFC 8445 5.1.2.2: 126 for host candidates. TCP stands below (RFC 6544 4.2), where browsers have it too. */
const typePreference = { udp: 126, tcp: 90 } as const;
/** RFC 6544 4.2: of a passive candidate, in the upper three bits of the local preference. */
const passivePreference = 4 << 13;
const mostLocal = { udp: 0xffff, tcp: 0x1fff } as const;

/** The priority of the candidate with the address at `index` of the list, best first. Component 1: RTCP is multiplexed. */
export function candidatePriority(protocol: 'udp' | 'tcp', index: number): number {
  const local = mostLocal[protocol] - Math.min(index, 0xfff) + (protocol === 'tcp' ? passivePreference : 0);
  return typePreference[protocol] * 2 ** 24 + local * 2 ** 8 + (256 - 1);
}

/** What stands behind `a=candidate:` (RFC 8839 5.1, RFC 6544 4.5). */
export function writeCandidate({ protocol, address, port, priority }: Candidate, foundation: number): string {
  const line = `${foundation} 1 ${protocol} ${priority} ${address} ${port} typ host`;
  return protocol === 'tcp' ? `${line} tcptype passive` : line;
}

/** Candidates that a peer is told at most: it makes a pair of each with each of its own. */
const mostCandidates = 16;

/** Best first, with foundations: each address and protocol has its own (RFC 8445 5.1.1.3). */
export function writeCandidates(candidates: readonly Candidate[]): readonly string[] {
  return candidates.slice(0, mostCandidates).map((candidate, index) => writeCandidate(candidate, index + 1));
}

/**
 * The addresses of the host's interfaces that a peer may reach, IPv4 first. Loopback only when there is nothing else: who runs on
 * this host reaches its other addresses as well. Link-local ones are left out: they need a zone that no candidate can carry.
 */
export function discoverAddresses(): readonly string[] {
  const found = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const four = found.filter(({ family }) => family === 'IPv4');
  const six = found.filter(({ family }) => family === 'IPv6');
  const ordered = [...four, ...six].filter(({ address }) => !/^(fe[89ab]|169\.254\.)/i.test(address));
  const outer = ordered.filter(({ internal }) => !internal);
  return [...new Set((outer.length > 0 ? outer : ordered).map(({ address }) => address))];
}
