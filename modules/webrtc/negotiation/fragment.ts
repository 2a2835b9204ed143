import { hasAttribute } from '../../../wire/sdp/attributes.ts';
import { readSdp } from '../../../wire/sdp/description.ts';
import { readIceCredentials, type SdpIceCredentials } from '../../../wire/sdp/transport-attributes.ts';
import type { LocalPeer } from '../../rtp/contract.ts';
import { asViolation, violation } from './offer.ts';

const limits = { text: 32_768, lines: 512, media: 16 };

/**
 * What `application/trickle-ice-sdpfrag` (RFC 8840 9) says of the other end's ICE; undefined when it names no user
 * fragment. Its candidates are not looked at: an ICE-lite end learns the peer's addresses from its checks. Throws
 * `protocol-violation`.
 */
export function readFragment(text: string): SdpIceCredentials | undefined {
  return asViolation(() => {
    // A fragment is a description without its first lines (RFC 8840 9.2).
    const fragment = readSdp(`v=0\r\n${text}`, limits);
    const found = [...fragment.media, fragment].find((section) => hasAttribute(section, 'ice-ufrag'));
    if (found === undefined) {
      if (fragment.attributes.length + fragment.media.length === 0) throw violation('a fragment that says nothing');
      return undefined;
    }
    const credentials = readIceCredentials(found, fragment);
    if (credentials === undefined) throw violation('a=ice-ufrag without a=ice-pwd');
    return credentials;
  });
}

/** Answers a restart (RFC 8840 4.4). */
export function writeFragment(local: LocalPeer): string {
  const lines = [
    'a=ice-lite',
    `a=ice-ufrag:${local.ufrag}`,
    `a=ice-pwd:${local.password}`,
    ...local.candidates.map((candidate) => `a=candidate:${candidate}`),
    'a=end-of-candidates',
  ];
  return `${lines.join('\r\n')}\r\n`;
}
