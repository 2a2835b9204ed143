import { BlockList, isIP, isIPv4 } from 'node:net';
import { SwitchyardError } from '../errors.ts';

/** Gives the addresses of a name, as `dns.promises.lookup` with `all`. */
export type Lookup = (host: string) => Promise<readonly { readonly address: string }[]>;

export interface GuardSettings {
  /** The section of the configuration that these stand in, for the sentences of refusals: `rtmp.client`. */
  readonly section: string;
  /** Names and addresses that may be reached; `*` is any. */
  readonly hosts: readonly string[];
  /** Inner addresses and networks that names may lead to all the same. */
  readonly addresses: readonly string[];
}

/** Loopback, link-local (metadata services among them), private and special networks, RFC 6890 and its successors. */
const innerNetworks: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  ['::', 127],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

/**
 * Says where a stranger's URL may lead. The name is resolved once, its addresses are checked, and the connection goes to a checked
 * address: a name that answers differently the second time gains nothing.
 */
export class TargetGuard {
  readonly #hosts: ReadonlySet<string>;
  readonly #inner = new BlockList();
  readonly #allowed = new BlockList();
  readonly #lookup: Lookup;
  readonly #section: string;

  /** Throws `config-invalid` for an entry of `addresses` that is neither address nor network. */
  constructor(settings: GuardSettings, dependencies: { lookup: Lookup }) {
    this.#hosts = new Set(settings.hosts.map((host) => host.toLowerCase()));
    this.#lookup = dependencies.lookup;
    this.#section = settings.section;
    for (const [network, prefix] of innerNetworks) this.#inner.addSubnet(network, prefix, familyOf(network));
    for (const entry of settings.addresses) addEntry(this.#allowed, entry, settings.section);
  }

  /** Whether the host's name is one that may be reached at all. */
  permits(host: string): boolean {
    return this.#hosts.has(host.toLowerCase()) || this.#hosts.has('*');
  }

  /** Throws `access-refused`. */
  check(host: string): void {
    if (!this.permits(host)) throw refused(host, `the configuration names no such host (${this.#section}.hosts)`);
  }

  /** An address of the host that may be reached. Throws `access-refused`, and what the look-up throws. */
  async resolve(host: string): Promise<string> {
    this.check(host);
    if (isIP(host) !== 0) {
      // An address that the configuration names itself is meant.
      if (this.#hosts.has(host.toLowerCase()) || this.#mayReach(host)) return host;
      throw refused(host, `it is an inner address (${this.#section}.addresses)`);
    }
    const addresses = await this.#lookup(host);
    const found = addresses.find(({ address }) => this.#mayReach(address));
    if (found === undefined) throw refused(host, `it leads to inner addresses only (${this.#section}.addresses)`);
    return found.address;
  }

  #mayReach(address: string): boolean {
    const plain = withoutMapping(address);
    const family = familyOf(plain);
    return !this.#inner.check(plain, family) || this.#allowed.check(plain, family);
  }
}

/** An address for a URL of our own configuration, which may lead anywhere. */
export async function resolveTrusted(host: string, lookup: Lookup): Promise<string> {
  if (isIP(host) !== 0) return host;
  const [first] = await lookup(host);
  if (first === undefined) throw new Error(`${host} has no address`);
  return first.address;
}

function refused(host: string, why: string): SwitchyardError<'access-refused'> {
  return new SwitchyardError('access-refused', { what: `the host ${host}`, why });
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** IPv4 in IPv6 (::ffff:a.b.c.d, ::a.b.c.d, 64:ff9b::a.b.c.d, in either writing) as the IPv4 address that it leads to. */
function withoutMapping(address: string): string {
  if (!address.includes(':')) return address;
  const words = expand(address);
  const front = words.slice(0, 5).every((word) => word === 0);
  const mapped = front && (words[5] === 0xffff || words[5] === 0) && (words[6] ?? 0) !== 0;
  const translated = words[0] === 0x64 && words[1] === 0xff9b && words.slice(2, 6).every((word) => word === 0);
  if (!mapped && !translated) return address;
  const high = words[6] ?? 0;
  const low = words[7] ?? 0;
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}

/** The eight words of an IPv6 address. */
function expand(address: string): number[] {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const bare = address.replace(/%.*$/, '');
  const text =
    dotted === null
      ? bare
      : bare.slice(0, dotted.index) +
        [Number(dotted[1]) * 256 + Number(dotted[2]), Number(dotted[3]) * 256 + Number(dotted[4])]
          .map((word) => word.toString(16))
          .join(':');
  const [left = '', right] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const head = words(left);
  const tail = right === undefined ? [] : words(right);
  return [...head, ...new Array<number>(Math.max(0, 8 - head.length - tail.length)).fill(0), ...tail];
}

function addEntry(list: BlockList, entry: string, section: string): void {
  const [address = '', prefix] = entry.split('/');
  const bits = prefix === undefined ? undefined : Number(prefix);
  const most = isIPv4(address) ? 32 : 128;
  if (isIP(address) === 0 || (bits !== undefined && !(Number.isInteger(bits) && bits >= 0 && bits <= most))) {
    throw new SwitchyardError('config-invalid', {
      problems: `  ${section}.addresses: "${entry}" is neither an address nor a network, such as 10.0.0.0/8`,
    });
  }
  if (bits === undefined) list.addAddress(address, familyOf(address));
  else list.addSubnet(address, bits, familyOf(address));
}
