import assert from 'node:assert/strict';
import { isError } from '../../../../core/errors.ts';
import type { CodecDescriptor, Vp9Codec } from '../../../../core/media/codecs/codec-descriptor.ts';
import {
  type AgreedSection,
  agreeToPlay,
  agreeToPublish,
  type Understanding,
  viewerSections,
} from '../../../../modules/webrtc/negotiation/agreement.ts';
import { type AnswerSettings, labelOf, writeAnswer } from '../../../../modules/webrtc/negotiation/answer.ts';
import type { PeerCodec } from '../../../../modules/webrtc/negotiation/codecs.ts';
import { profilesDecodedBy } from '../../../../modules/webrtc/negotiation/h264.ts';
import { type Offer, readOffer, readRemotePeer, taggedSection } from '../../../../modules/webrtc/negotiation/offer.ts';
import { type WishSettings, wishesOf } from '../../../../modules/webrtc/negotiation/wishes.ts';
import { WireError } from '../../../../wire/errors.ts';
import { findAttribute, listAttributes } from '../../../../wire/sdp/attributes.ts';
import { readSdp, type SdpMedia } from '../../../../wire/sdp/description.ts';
import { fakeH264, fakeOpus } from '../../../support/fake-media.ts';
import { FakePeerPlane, FakePeerTransport } from '../../../support/fake-peer-plane.ts';
import { TestCore } from '../../../support/test-core.ts';
import { type OfferName, offers } from '../../../vectors/webrtc/offers.ts';

const plane = new FakePeerPlane();
const ours: Understanding = {
  extensions: (kind) => plane.extensions(kind),
  feedback: (kind) => plane.feedback(kind),
  orientation: false,
};
const allCodecs: readonly PeerCodec[] = ['h264', 'vp8', 'vp9', 'av1', 'h265', 'opus', 'g722', 'pcmu', 'pcma'];
const core = new TestCore();
const local = new FakePeerTransport(
  { remote: { ufrag: 'x', password: 'y', fingerprints: [], setup: 'actpass' } },
  core.scope,
  1,
).local;

function publish(text: string, codecs = allCodecs): { offer: Offer; agreed: readonly AgreedSection[] } {
  const offer = readOffer(text);
  return { offer, agreed: agreeToPublish(offer, { stream: 'a', codecs, understands: () => true }, ours) };
}

function play(text: string, codecs: readonly CodecDescriptor[]): { offer: Offer; agreed: readonly AgreedSection[] } {
  const offer = readOffer(text);
  const agreed = viewerSections(offer, () => true).flatMap((viewer) => {
    const codec = codecs.find(({ kind }) => kind === viewer.kind);
    const found = codec === undefined ? undefined : agreeToPlay(viewer, codec, { anyProfile: false }, ours);
    return found === undefined ? [] : [found];
  });
  return { offer, agreed };
}

function answer(
  { offer, agreed }: { offer: Offer; agreed: readonly AgreedSection[] },
  settings: Partial<AnswerSettings> = {},
): string {
  return writeAnswer(offer, agreed, { direction: 'publish', local, sessionId: '42', label: 'label', ...settings });
}

function mediaOf(text: string, kind: string): SdpMedia {
  const found = readSdp(text).media.find((media) => media.kind === kind);
  assert.ok(found !== undefined);
  return found;
}

/** The encodings of the m= line, in its order. */
function encodingsOf(media: SdpMedia): string[] {
  const maps = new Map(listAttributes(media, 'rtpmap').map((value) => value.split(' ') as [string, string]));
  return media.formats.map((type) => maps.get(type) ?? type);
}

describe('webrtc: what a publisher may send', () => {
  const names = ['chromiumPublish', 'chromiumPublishGathered', 'firefoxPublish', 'weriftPublish'] as const;
  for (const name of names satisfies readonly OfferName[]) {
    it(`is answered to ${name}: both media, one bundle, candidates, the house's order`, () => {
      const made = publish(offers[name]);
      const text = answer(made);
      const description = readSdp(text);
      assert.ok(
        text.split('\n').every((line) => line === '' || line.endsWith('\r')),
        'CRLF',
      );
      assert.equal(findAttribute(description, 'group'), 'BUNDLE 0 1');
      assert.ok(text.indexOf('a=ice-lite') > text.indexOf('t=0 0'));
      for (const media of description.media) {
        assert.equal(media.protocol, 'UDP/TLS/RTP/SAVPF');
        assert.equal(media.port, 31_000);
        assert.equal(findAttribute(media, 'setup'), 'passive');
        assert.equal(findAttribute(media, 'recvonly'), '');
        assert.equal(findAttribute(media, 'rtcp-mux'), '');
        assert.equal(findAttribute(media, 'ice-ufrag'), 'local1');
        assert.equal(listAttributes(media, 'candidate').length, 2);
        assert.equal(findAttribute(media, 'end-of-candidates'), '');
        assert.equal(listAttributes(media, 'ssrc').length, 0);
      }
      const audio = encodingsOf(mediaOf(text, 'audio'));
      assert.ok(!audio.some((encoding) => /red|CN|telephone-event/.test(encoding)), audio.join());
      assert.equal(audio[0]?.toLowerCase(), 'opus/48000/2');
    });
  }

  it('lists every codec in the order of the configuration, H.264 of mode 1 before mode 0, each with its rtx', () => {
    const video = mediaOf(answer(publish(offers.chromiumPublish)), 'video');
    const encodings = encodingsOf(video);
    assert.ok(!encodings.some((encoding) => /red|ulpfec|flexfec/.test(encoding)));
    const kinds = encodings.filter((_, index) => index % 2 === 0).map((encoding) => encoding.split('/')[0]);
    assert.deepEqual(kinds, ['H264', 'H264', 'H264', 'H264', 'H264', 'H264', 'VP8', 'VP9', 'VP9', 'AV1']);
    assert.ok(encodings.filter((_, index) => index % 2 === 1).every((encoding) => encoding === 'rtx/90000'));
    const modes = listAttributes(video, 'fmtp').flatMap((value) => /packetization-mode=(\d)/.exec(value)?.[1] ?? []);
    assert.deepEqual(modes, ['1', '1', '1', '0', '0', '0']);
    const other = encodingsOf(mediaOf(answer(publish(offers.chromiumPublish, ['vp9', 'opus'])), 'video'));
    assert.deepEqual(other, ['VP9/90000', 'rtx/90000', 'VP9/90000', 'rtx/90000']);
  });

  it('tells its own level of H.264, and writes fmtp right behind rtpmap', () => {
    const text = answer(publish(offers.chromiumPublish, ['h264', 'opus']));
    assert.match(text, /a=rtpmap:102 H264\/90000\r\na=fmtp:102 [^\r]*profile-level-id=420034/);
    assert.match(text, /a=rtpmap:111 opus\/48000\/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n/);
  });

  it('keeps the feedback and extensions that both know, by the ids of the offer; orientation only when asked', () => {
    const video = publish(offers.chromiumPublish).agreed.find(({ medium }) => medium.kind === 'video')?.medium;
    assert.deepEqual([...(video?.formats[0]?.feedback ?? [])], ['transport-cc', 'ccm fir', 'nack', 'nack pli']);
    assert.deepEqual(
      [...(video?.extensions ?? [])].map(([uri, id]) => `${id} ${uri.split(/[:/]/).at(-1)}`),
      ['3 draft-holmer-rmcat-transport-wide-cc-extensions-01', '4 mid', '10 rtp-stream-id'],
    );
    const offer = readOffer(offers.chromiumPublish);
    const turned = agreeToPublish(
      offer,
      { stream: 'a', codecs: allCodecs, understands: () => true },
      { ...ours, orientation: true },
    );
    assert.equal(turned[1]?.medium.extensions.get('urn:3gpp:video-orientation'), 13);
  });

  it('knows the sources and their retransmissions', () => {
    const [audio, video] = publish(offers.chromiumPublish).agreed.map(({ medium }) => medium);
    assert.equal(audio?.sources.length, 1);
    assert.equal(video?.sources.length, 1);
    assert.ok(video?.sources[0]?.rtx !== undefined);
  });

  for (const name of ['chromiumSimulcast', 'firefoxSimulcast'] as const) {
    it(`takes simulcast as layers: ${name}`, () => {
      const made = publish(offers[name]);
      assert.deepEqual(made.agreed[1]?.medium.rids, ['h', 'm', 'l']);
      const video = mediaOf(answer(made), 'video');
      assert.deepEqual(listAttributes(video, 'rid'), ['h recv', 'm recv', 'l recv']);
      assert.equal(findAttribute(video, 'simulcast'), 'recv h;m;l');
    });
  }

  // RFC 8285 7
  it('has an extension that the offer has for one way alone for that way, and none for the other', () => {
    assert.match(offers.firefoxSimulcast, /a=extmap:9\/sendonly \S+:rtp-stream-id\r/);
    const told = listAttributes(mediaOf(answer(publish(offers.firefoxSimulcast)), 'video'), 'extmap');
    assert.ok(told.includes('9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id'), told.join());
    assert.ok(told.includes('3 urn:ietf:params:rtp-hdrext:sdes:mid'), told.join());
    const offered = (way: string): string => offers.firefoxPublish.replaceAll('extmap:3 ', `extmap:3/${way} `);
    const mids = (text: string): string[] =>
      listAttributes(mediaOf(text, 'audio'), 'extmap').filter((value) => value.endsWith(':mid'));
    assert.deepEqual(mids(answer(publish(offered('sendrecv')))), ['3 urn:ietf:params:rtp-hdrext:sdes:mid']);
    for (const way of ['recvonly', 'inactive']) assert.deepEqual(mids(answer(publish(offered(way)))), []);
    const played = (way: string): string[] => {
      const offer = offers.firefoxPlay.replaceAll('extmap:3 ', `extmap:3/${way} `);
      return mids(answer(play(offer, [fakeOpus()]), { direction: 'play' }));
    };
    assert.deepEqual(played('recvonly'), ['3/sendonly urn:ietf:params:rtp-hdrext:sdes:mid']);
    for (const way of ['sendonly', 'inactive']) assert.deepEqual(played(way), []);
  });

  it('refuses a medium of which it knows no codec, and an offer that would send nothing', () => {
    const unknown = offers.weriftPublish.replace('VP8/90000', 'VP77/90000');
    assert.throws(
      () => publish(unknown),
      (error) => isError(error, 'codecs-do-not-match'),
    );
    assert.throws(
      () => publish(offers.chromiumPlay),
      (error) => isError(error, 'codecs-do-not-match'),
    );
  });

  it('takes a medium that is bundle-only, of port 0', () => {
    const text = offers.chromiumPublish
      .replace('m=video 9 ', 'm=video 0 ')
      .replace('a=mid:1', 'a=mid:1\r\na=bundle-only');
    assert.equal(publish(text).agreed.length, 2);
    const refused = offers.chromiumPublish.replace('m=video 9 ', 'm=video 0 ');
    assert.equal(publish(refused).agreed.length, 1);
  });
});

describe('webrtc: what a viewer is sent', () => {
  const vp8: CodecDescriptor = { kind: 'video', name: 'vp8', width: 640, height: 480, codecString: 'vp8' };

  it('is told first, with the sources, the stream of the label and sendonly', () => {
    const made = play(offers.chromiumPlay, [fakeH264({ profile: 77 }), fakeOpus()]);
    const text = answer(made, { direction: 'play', label: 'id', sourceOf: () => ({ ssrc: 5, rtx: 6 }) });
    const video = mediaOf(text, 'video');
    assert.equal(video.formats[0], '116');
    assert.deepEqual(encodingsOf(video).slice(0, 2), ['H264/90000', 'rtx/90000']);
    assert.deepEqual(listAttributes(video, 'ssrc-group'), ['FID 5 6']);
    assert.deepEqual(listAttributes(video, 'ssrc'), ['5 cname:id', '6 cname:id']);
    assert.equal(findAttribute(video, 'msid'), 'id id-video');
    assert.equal(findAttribute(mediaOf(text, 'audio'), 'msid'), 'id id-audio');
    assert.equal(findAttribute(video, 'sendonly'), '');
    assert.match(text, /sprop-stereo=1/);
  });

  it('fits the profile: the same, the constrained one of its kind, or one that contains it', () => {
    const first = (codec: CodecDescriptor) =>
      play(offers.chromiumPlay, [codec]).agreed[0]?.medium.formats[0]?.payloadType;
    assert.equal(first(fakeH264({ profile: 66, constraints: 0xc0 })), 108);
    assert.equal(first(fakeH264({ profile: 66, constraints: 0 })), 102);
    assert.equal(first(fakeH264({ profile: 77 })), 116);
    // Chromium lists High 4:4:4, which contains High.
    assert.equal(first(fakeH264({ profile: 100 })), 41);
    assert.equal(first(fakeH264({ profile: 88 })), undefined);
    assert.deepEqual(profilesDecodedBy(100), [77, 100]);
    assert.deepEqual(profilesDecodedBy(66), [66]);
    assert.equal(first(vp8), 96);
    const inFirefox = play(offers.firefoxPlay, [vp8]).agreed[0]?.medium.formats ?? [];
    assert.deepEqual([inFirefox[0]?.payloadType, inFirefox[0]?.encoding], [120, 'VP8']);
    // It has no decoder for it, and says so.
    assert.deepEqual(play(offers.firefoxPlay, [fakeH264({ profile: 66 })]).agreed, []);
    const vp9 = { kind: 'video', name: 'vp9', profile: 2 } as unknown as Vp9Codec;
    assert.equal(first(vp9), 100);
  });

  it('never is H.264 of single NAL units', () => {
    for (const { medium } of play(offers.chromiumPlay, [fakeH264({ profile: 66 })]).agreed) {
      for (const { parameters } of medium.formats) assert.notEqual(parameters.get('packetization-mode'), '0');
    }
  });

  it('leaves out with port 0 what the stream does not have, and data channels', () => {
    const text = answer(play(offers.chromiumPlayWithData, [vp8]), { direction: 'play' });
    const description = readSdp(text);
    assert.deepEqual(
      description.media.map(({ kind, port }) => [kind, port]),
      [
        ['audio', 0],
        ['video', 31_000],
        ['application', 0],
      ],
    );
    assert.equal(findAttribute(description, 'group'), 'BUNDLE 1');
    assert.equal(findAttribute(mediaOf(text, 'application'), 'mid'), '2');
    assert.equal(description.media[2]?.formats[0], 'webrtc-datachannel');
  });

  it('has a label that SDP can carry', () => {
    assert.equal(labelOf('a b\r\nm=video'), 'a-b--m-video');
    assert.equal(labelOf('-'), 'switchyard');
    assert.equal(labelOf(''), 'switchyard');
    assert.equal(labelOf('x'.repeat(100)).length, 64);
  });
});

describe('webrtc: what a viewer wishes', () => {
  const viewers = viewerSections(readOffer(offers.chromiumPlay), () => true);
  function wishes(settings: Partial<WishSettings> = {}) {
    const [video, audio] = wishesOf(viewers, {
      ...{ codecs: allCodecs, picture: {}, source: () => undefined, anyProfile: false, trustFrames: false },
      ...settings,
    });
    return {
      video: video?.accepts ?? [],
      audio: audio?.accepts ?? [],
      isAudioOptional: audio?.optional,
      ofVideo: video,
      ofAudio: audio,
    };
  }

  it('is in the order of the configuration, Baseline by itself so that renditions are shared, and no B-frames', () => {
    const { video, audio, isAudioOptional } = wishes();
    assert.deepEqual(video, [
      { codec: 'h264', noBFrames: true, profiles: [66] },
      { codec: 'h264', noBFrames: true, profiles: [77, 100, 110, 122, 244] },
      { codec: 'vp8' },
      { codec: 'vp9' },
      { codec: 'av1' },
    ]);
    assert.deepEqual(audio[0], { codec: 'opus' });
    assert.deepEqual(audio[1], { codec: 'g722', sampleRate: 16_000, channels: 1 });
    assert.equal(isAudioOptional, true);
  });

  it('begins with what the stream has, with the size that was asked for', () => {
    const vp8: CodecDescriptor = { kind: 'video', name: 'vp8', width: 640, height: 480, codecString: 'vp8' };
    const { video } = wishes({ source: (kind) => (kind === 'video' ? vp8 : undefined), picture: { width: 320 } });
    assert.deepEqual(video[0], { codec: 'vp8', width: 320 });
    assert.equal(video[1]?.width, 320);
  });

  it('may be met by layers of a picture, among which the media plane goes', () => {
    const { ofVideo, ofAudio } = wishes();
    assert.deepEqual([ofVideo?.layered, ofAudio?.layered], [true, undefined]);
  });

  it('leaves out what the offer has no profile for', () => {
    const vp9 = { kind: 'video', name: 'vp9', profile: 5 } as unknown as Vp9Codec;
    const { video } = wishes({ source: (kind) => (kind === 'video' ? vp9 : undefined) });
    assert.ok(!video.some(({ codec }) => codec === 'vp9'));
  });

  it('is two channels of a stream that has more', () => {
    const surround = { ...fakeOpus(), channels: 6 };
    const { audio } = wishes({ source: (kind) => (kind === 'audio' ? surround : undefined) });
    assert.deepEqual(audio[0], { codec: 'opus', channels: 2 });
  });

  it('trusts where told to', () => {
    const { video } = wishes({ anyProfile: true, trustFrames: true });
    assert.ok(video.some(({ codec, profiles, noBFrames }) => codec === 'h264' && profiles === undefined && !noBFrames));
  });
});

describe('webrtc: offers that are none', () => {
  const good = offers.chromiumPublish;
  const refused: readonly (readonly [what: string, text: string])[] = [
    ['no SDP', 'hello'],
    ['empty', ''],
    ['1 MB', `${good}${'a=x:y\r\n'.repeat(150_000)}`],
    ['5000 media', `v=0\r\n${'m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n'.repeat(5_000)}`],
    ['a mid twice', good.replace('a=mid:1', 'a=mid:0')],
    ['a mid that is no token', good.replace('a=mid:1', 'a=mid:a b')],
    ['BUNDLE with what is not there', good.replace('BUNDLE 0 1', 'BUNDLE 0 1 7')],
    ['BUNDLE with a medium twice', good.replace('BUNDLE 0 1', 'BUNDLE 0 1 1')],
    ['no BUNDLE', good.replace(/a=group:BUNDLE[^\r]*\r\n/, '')],
    ['no rtcp-mux', good.replace('a=rtcp-mux\r\n', '')],
    ['plain RTP', good.replaceAll('UDP/TLS/RTP/SAVPF', 'RTP/AVP')],
    ['no fingerprint', good.replace(/a=fingerprint[^\r]*\r\n/g, '')],
    ['no ufrag', good.replace(/a=ice-ufrag[^\r]*\r\n/g, '')],
    ['a short password', good.replace(/a=ice-pwd:[^\r]*/g, 'a=ice-pwd:short')],
    ['holdconn', good.replaceAll('a=setup:actpass', 'a=setup:holdconn')],
    ['two videos', good.replace('m=audio', 'm=video').replaceAll('111 63 9', '96 63 9').replace('opus/48000/2', 'x/1')],
  ];
  for (const [what, text] of refused) {
    it(`is refused: ${what}`, () => {
      const attempt = () => {
        const { offer, agreed } = publish(text);
        const tagged = taggedSection(
          offer,
          agreed.map(({ section }) => section),
        );
        assert.ok(tagged !== undefined);
        readRemotePeer(offer, tagged);
      };
      assert.throws(attempt, (error) => isError(error, 'protocol-violation') || isError(error, 'codecs-do-not-match'));
    });
  }

  it('tells what is no SDP at all from what is no use', () => {
    assert.throws(
      () => readOffer('hello'),
      (error) => isError(error, 'protocol-violation') && error.cause instanceof WireError,
    );
    const unmuxed = good.replace('a=rtcp-mux\r\n', '');
    assert.throws(
      () => readOffer(unmuxed),
      (error) => isError(error, 'protocol-violation') && error.cause === undefined,
    );
  });

  it('takes the transport of the first accepted section in the bundle', () => {
    const text = offers.chromiumPlay.replace('a=ice-ufrag:', 'a=ice-ufrag:AAAA');
    const offer = readOffer(text);
    const audio = offer.sections.find(({ kind }) => kind === 'audio');
    assert.ok(audio !== undefined);
    assert.doesNotMatch(readRemotePeer(offer, audio).ufrag, /^AAAA/);
    const tagged = taggedSection(offer, offer.sections);
    assert.ok(tagged !== undefined);
    assert.match(readRemotePeer(offer, tagged).ufrag, /^AAAA/);
  });
});
