import { networkInterfaces } from 'node:os';
import type { AdvertisedUrl } from './module.ts';

/** The addresses at which others reach this host, IPv4 first; loopback when it has no other. */
export function hostAddresses(): readonly string[] {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    // Link-local addresses need a zone that no URL can carry.
    .filter(({ internal, address }) => !internal && !/^(fe80|169\.254)/i.test(address))
    .sort((a, b) => (a.family === b.family ? 0 : a.family === 'IPv4' ? -1 : 1))
    .map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address));
  return found.length > 0 ? found : ['127.0.0.1'];
}

/** The URL with `HOST` replaced. */
export function addressed(url: string, host: string): string {
  return url.replace('HOST', host);
}

/** A table for people: what can be opened, at the host's first address. */
export function urlTable(urls: readonly AdvertisedUrl[], addresses: readonly string[]): string {
  const [host = '127.0.0.1', ...others] = addresses;
  const order = { publish: 0, play: 1, open: 2 };
  const rows = [...urls].sort((a, b) => order[a.direction] - order[b.direction]);
  const widest = Math.max(8, ...rows.map(({ protocol }) => protocol.length));
  const lines = rows.map(
    ({ direction, protocol, url }) => `  ${direction.padEnd(8)} ${protocol.padEnd(widest)}  ${addressed(url, host)}`,
  );
  if (others.length > 0) lines.push(`  The host's other addresses: ${others.join(', ')}`);
  return `${lines.join('\n')}\n`;
}
