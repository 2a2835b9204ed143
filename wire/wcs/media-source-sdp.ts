import { WireError } from '../errors.ts';

const mostLines = 1_000;
/** Any port but 0: clients only look whether a track is there. */
const discard = 9;

/**
 * The answer to the fixed offer of a Media Source player: the same text with a port for each track that exists. A track
 * that is not there keeps port 0, or the player waits for it for ever. Throws `malformed` when the offer has no media.
 */
export function answerMediaSourceOffer(
  offer: string,
  tracks: { readonly video: boolean; readonly audio: boolean },
): string {
  const lines = offer.split(/\r?\n/, mostLines);
  let sections = 0;
  const answer = lines.map((line) => {
    const media = /^m=(video|audio) \d{1,5} (.+)$/.exec(line);
    if (media === null) return line;
    sections += 1;
    const kind = media[1] as 'video' | 'audio';
    return `m=${kind} ${tracks[kind] ? discard : 0} ${media[2]}`;
  });
  if (sections === 0) throw new WireError('malformed', 'wcs', 'an offer without media');
  return answer.join('\r\n');
}
