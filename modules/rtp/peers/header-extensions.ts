import type { MediaKind } from '../../../core/streams/track.ts';
import type { PeerMedium } from '../contract.ts';

/** The header extensions that are understood, by what they are for. */
export const extensionUri = {
  /** RFC 8843 15.1. */
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  /** RFC 8852 3.1. */
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  /** RFC 8852 3.2. */
  repairedRid: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  /** RFC 6464. */
  audioLevel: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  sendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  /** draft-holmer-rmcat-transport-wide-cc-extensions-01 2. */
  transportSequence: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  /** 3GPP TS 26.114 7.4.5. */
  orientation: 'urn:3gpp:video-orientation',
  playoutDelay: 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  captureTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
} as const;

export type ExtensionName = keyof typeof extensionUri;

const common: readonly ExtensionName[] = ['mid', 'sendTime', 'transportSequence', 'captureTime'];
/**
 * The orientation of a picture is not asked for, though it is read: a browser that may not tell it turns the picture itself, and then
 * it is right for every protocol.
 */
const understood: Readonly<Record<MediaKind, Readonly<Record<'publish' | 'play', readonly ExtensionName[]>>>> = {
  video: { publish: [...common, 'rid', 'repairedRid'], play: [...common, 'playoutDelay'] },
  audio: { publish: [...common, 'audioLevel'], play: common },
};

/** URIs of what is understood in a direction. */
export function peerExtensions(kind: MediaKind, direction: 'publish' | 'play'): readonly string[] {
  return understood[kind][direction].map((name) => extensionUri[name]);
}

/** Values of `a=rtcp-fb`. Sound that is lost is not sent again: Opus has its own means, and waiting for it is worse than a gap. */
export function peerFeedback(kind: MediaKind): readonly string[] {
  return kind === 'audio' ? ['transport-cc'] : ['transport-cc', 'goog-remb', 'ccm fir', 'nack', 'nack pli'];
}

/** The ids that a medium has agreed on. 0: not agreed. */
export type ExtensionIds = Readonly<Record<ExtensionName, number>>;

export function extensionIds({ extensions }: Pick<PeerMedium, 'extensions'>): ExtensionIds {
  const id = (name: ExtensionName): number => extensions.get(extensionUri[name]) ?? 0;
  return {
    mid: id('mid'),
    rid: id('rid'),
    repairedRid: id('repairedRid'),
    audioLevel: id('audioLevel'),
    sendTime: id('sendTime'),
    transportSequence: id('transportSequence'),
    orientation: id('orientation'),
    playoutDelay: id('playoutDelay'),
    captureTime: id('captureTime'),
  };
}
