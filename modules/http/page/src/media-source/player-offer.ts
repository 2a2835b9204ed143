/** What a Media Source player takes: H.264 without B-frames and AAC. Ports say nothing: media comes over a WebSocket. */
export const playerOffer = [
  'v=0',
  'o=- 0 0 IN IP4 0.0.0.0',
  's=-',
  'c=IN IP4 0.0.0.0',
  't=0 0',
  'm=video 0 RTP/AVP 112',
  'a=rtpmap:112 H264/90000',
  'a=fmtp:112 packetization-mode=1; profile-level-id=420020',
  'a=recvonly',
  'm=audio 0 RTP/AVP 96 97',
  'a=rtpmap:96 mpeg4-generic/48000/2',
  'a=rtpmap:97 mpeg4-generic/44100/2',
  'a=recvonly',
  '',
].join('\r\n');

/** The kinds of media of the answer: those whose port is not 0. */
export function readAnswer(answer: string): readonly ('video' | 'audio')[] {
  return (['video', 'audio'] as const).filter((kind) => new RegExp(`^m=${kind} [1-9]`, 'm').test(answer));
}
