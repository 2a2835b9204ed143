/** User name fragment and password of ICE (RFC 8839 5.4). */
export interface IceSecrets {
  readonly ufrag: string;
  readonly password: string;
}

/** The first ones of a description or fragment. */
export function readIceSecrets(text: string): IceSecrets {
  const find = (name: string): string => new RegExp(`^a=${name}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? '';
  return { ufrag: find('ice-ufrag'), password: find('ice-pwd') };
}

/** RFC 8840 9 */
export function writeFragment({ ufrag, password }: IceSecrets): string {
  return `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${password}\r\n`;
}

export function withIceSecrets(description: string, { ufrag, password }: IceSecrets): string {
  return description
    .replace(/^a=ice-ufrag:[^\r\n]*/gm, () => `a=ice-ufrag:${ufrag}`)
    .replace(/^a=ice-pwd:[^\r\n]*/gm, () => `a=ice-pwd:${password}`);
}

/** STUN and TURN servers of a Link header: `<turn:…>; rel="ice-server"; username="…"; credential="…"`. RFC 9725 4.6. */
export function readIceServers(link: string | null): RTCIceServer[] {
  const servers: RTCIceServer[] = [];
  for (const [, url = '', rest = ''] of (link ?? '').matchAll(/<([^>]*)>((?:;[^;,"]*(?:"(?:\\.|[^"\\])*")?)*)/g)) {
    const find = (name: string): string | undefined =>
      new RegExp(`;\\s*${name}="((?:\\\\.|[^"\\\\])*)"`).exec(rest)?.[1]?.replace(/\\(.)/g, '$1');
    if (find('rel') !== 'ice-server') continue;
    const username = find('username');
    const credential = find('credential');
    servers.push({
      urls: url,
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    });
  }
  return servers;
}
