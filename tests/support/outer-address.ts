import { execFileSync } from 'node:child_process';
import { discoverAddresses } from '../../modules/rtp/transport/candidates.ts';

const spare = { name: 'switchyard0', address: '198.18.0.1' };

/**
 * An IPv4 address of this host that is not loopback's, for clients that know no loopback (libnice). Where there is none, a pair of
 * interfaces that lead to each other is made, which takes root.
 */
export function outerAddress(): string {
  const find = (): string | undefined =>
    discoverAddresses().find((address) => address.includes('.') && !address.startsWith('127.'));
  const found = find();
  if (found !== undefined) return found;
  const ip = (...argv: readonly string[]): void => void execFileSync('ip', argv);
  ip('link', 'add', spare.name, 'type', 'veth', 'peer', 'name', `${spare.name}p`);
  ip('addr', 'add', `${spare.address}/30`, 'dev', spare.name);
  for (const name of [spare.name, `${spare.name}p`]) ip('link', 'set', name, 'up');
  return find() ?? spare.address;
}
