import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isError } from '../../core/errors.ts';
import { agreeToPlay, agreeToPublish, viewerSections } from '../../modules/webrtc/negotiation/agreement.ts';
import { writeAnswer } from '../../modules/webrtc/negotiation/answer.ts';
import { readFragment } from '../../modules/webrtc/negotiation/fragment.ts';
import { readOffer, readRemotePeer, taggedSection } from '../../modules/webrtc/negotiation/offer.ts';
import { wishesOf } from '../../modules/webrtc/negotiation/wishes.ts';
import { readSdp } from '../../wire/sdp/description.ts';
import { fakeH264, fakeOpus } from '../support/fake-media.ts';
import { FakePeerPlane, FakePeerTransport } from '../support/fake-peer-plane.ts';
import { TestCore } from '../support/test-core.ts';
import { offers } from '../vectors/webrtc/offers.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_121);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);
const plane = new FakePeerPlane();
const ours = {
  extensions: (kind: 'video' | 'audio') => plane.extensions(kind),
  feedback: (kind: 'video' | 'audio') => plane.feedback(kind),
  orientation: true,
};
const codecs = ['h264', 'vp8', 'vp9', 'av1', 'h265', 'opus', 'g722', 'pcmu', 'pcma'] as const;
const remote = { ufrag: 'x', password: 'y', fingerprints: [], setup: 'actpass' as const };
const { local } = new FakePeerTransport({ remote }, new TestCore().scope, 1);

/** All that is done with an offer until it is answered. Gives the answers. */
function answersTo(text: string): string[] {
  const offer = readOffer(text);
  const viewers = viewerSections(offer, () => true);
  wishesOf(viewers, { codecs, picture: {}, source: () => undefined, anyProfile: false, trustFrames: false });
  const played = viewers.flatMap((viewer) => {
    const codec = viewer.kind === 'video' ? fakeH264({ profile: 66 }) : fakeOpus();
    const found = agreeToPlay(viewer, codec, { anyProfile: true }, ours);
    return found === undefined ? [] : [found];
  });
  const published = () => agreeToPublish(offer, { stream: 'a', codecs, understands: () => true }, ours);
  return [published, () => played].flatMap((agree, index) => {
    const agreed = agree();
    const tagged = taggedSection(
      offer,
      agreed.map(({ section }) => section),
    );
    if (tagged === undefined) return [];
    readRemotePeer(offer, tagged);
    const direction = index === 0 ? 'publish' : 'play';
    return [writeAnswer(offer, agreed, { direction, local, sessionId: '1', label: 'l' })];
  });
}

function check(text: string): void {
  try {
    for (const answer of answersTo(text)) {
      assert.ok(answer.length < 4 * text.length + 8_192);
      assert.equal(readSdp(answer).media.length, readOffer(text).sections.length);
    }
  } catch (error) {
    if (isError(error, 'protocol-violation') || isError(error, 'codecs-do-not-match')) return;
    throw error;
  }
}

/** Offers with lines taken out, doubled, swapped, and cut. */
const mutated = fc
  .tuple(
    fc.constantFrom(...Object.values(offers)),
    fc.array(fc.tuple(fc.nat(200), fc.nat(200), fc.nat(5), fc.string({ maxLength: 12 })), { maxLength: 12 }),
  )
  .map(([text, changes]) => {
    const lines = text.split('\r\n');
    for (const [at, other, how, word] of changes) {
      const line = lines[at % lines.length] ?? '';
      const from = lines[other % lines.length] ?? '';
      const cut = line.length === 0 ? 0 : other % line.length;
      const changed = [[], [line, line], [from], [line.slice(0, cut)], [line.slice(0, cut) + word], [line, from]][how];
      lines.splice(at % lines.length, 1, ...(changed ?? []));
    }
    return lines.join('\r\n');
  });

describe('fuzz: offers of WebRTC', () => {
  it('of any text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 2_000, unit: 'binary' }), check), { seed, numRuns });
  });

  it('that are nearly right', () => {
    fc.assert(fc.property(mutated, check), { seed, numRuns });
  });

  it('and fragments', () => {
    const word = fc.constantFrom('a=ice-ufrag:abcd', 'a=ice-pwd:0123456789012345678901', 'm=audio 9 x 0', 'a=mid:0');
    const text = fc.array(fc.oneof(word, fc.string({ maxLength: 40 })), { maxLength: 20 }).map((l) => l.join('\r\n'));
    const read = (fragment: string): void => {
      try {
        const found = readFragment(fragment);
        assert.ok(found === undefined || found.ufrag.length >= 4);
      } catch (error) {
        if (!isError(error, 'protocol-violation')) throw error;
      }
    };
    fc.assert(fc.property(text, read), { seed, numRuns });
  });
});
