import { readFileSync } from 'node:fs';

/**
 * Offers as clients made them, byte for byte: Chromium 156.0.8078.79 of Debian with its fake camera (`addTransceiver`,
 * `createOffer`; "gathered" after ICE gathering), Firefox 153.7.0esr of Debian with its own, the same way, and werift 0.25.2 from npm.
 */
const files = {
  chromiumPublish: 'chromium-156-publish',
  chromiumPublishGathered: 'chromium-156-publish-gathered',
  chromiumSimulcast: 'chromium-156-publish-simulcast',
  chromiumPlay: 'chromium-156-play',
  chromiumPlayWithData: 'chromium-156-play-data',
  firefoxPublish: 'firefox-153-publish',
  firefoxSimulcast: 'firefox-153-publish-simulcast',
  firefoxPlay: 'firefox-153-play',
  weriftPublish: 'werift-0.25-publish',
  weriftPlay: 'werift-0.25-play',
} as const;

export type OfferName = keyof typeof files;

export const offers = Object.fromEntries(
  Object.entries(files).map(([name, file]) => [name, readFileSync(new URL(`./${file}.sdp`, import.meta.url), 'utf8')]),
) as Readonly<Record<OfferName, string>>;
