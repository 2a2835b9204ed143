import { type Static, Type } from '@sinclair/typebox';
import type { CodecDescriptor } from '../../../core/media/codecs/codec-descriptor.ts';
import { type MediaSession, type RateMeter, synchronizationOf, trackOf } from '../streams.ts';

const Muted = Type.Object({ muted: Type.Boolean() });

/** A stream as WCS shows it (reference a.5): one publication, or one viewer of it. */
export const StreamObject = Type.Object(
  {
    nodeId: Type.String(),
    appKey: Type.String(),
    sessionId: Type.String(),
    mediaSessionId: Type.String(),
    name: Type.String(),
    published: Type.Boolean({ description: 'Whether this is the publisher, not a viewer.' }),
    hasVideo: Type.Boolean(),
    hasAudio: Type.Boolean(),
    status: Type.String({ description: 'PENDING, PUBLISHING, PLAYING' }),
    sdp: Type.String(),
    audioCodec: Type.String(),
    videoCodec: Type.String(),
    record: Type.Boolean(),
    width: Type.Integer(),
    height: Type.Integer(),
    bitrate: Type.Integer({ description: 'Of the video, kbit/s.' }),
    minBitrate: Type.Integer(),
    maxBitrate: Type.Integer(),
    quality: Type.Integer(),
    history: Type.Boolean(),
    gop: Type.Integer({ description: 'Pictures of a group.' }),
    fps: Type.Integer(),
    audioBitrate: Type.Integer({ description: 'kbit/s' }),
    codecImpl: Type.String(),
    transport: Type.String(),
    cvoExtension: Type.Boolean(),
    createDate: Type.Integer({ description: 'Unix time in ms.' }),
    mediaType: Type.Union([Type.Literal('publish'), Type.Literal('play')]),
    audioState: Muted,
    videoState: Muted,
    mediaProvider: Type.String(),
    metrics: Type.Optional(Type.Record(Type.String(), Type.Union([Type.Number(), Type.String()]))),
  },
  { $id: 'Stream', title: 'Stream' },
);
export type StreamObject = Static<typeof StreamObject>;

const providers: Readonly<Record<string, string>> = {
  rtmp: 'Flash',
  rtmfp: 'Flash',
  webrtc: 'WebRTC',
  websocket: 'MSE',
  rtsp: 'RTSP',
  hls: 'HLS',
  sip: 'SIP',
};

export function describeStream(session: MediaSession, rates: RateMeter, nodeId: string): StreamObject {
  const video = trackOf(session, 'video');
  const audio = trackOf(session, 'audio');
  const videoRates = rates.measure(video);
  const { session: peer, carrier } = session.holder;
  const muted = { muted: false };
  return {
    nodeId,
    appKey: 'defaultApp',
    sessionId: peer.id,
    mediaSessionId: session.id,
    name: session.stream.name,
    published: session.type === 'publish',
    hasVideo: video !== undefined,
    hasAudio: audio !== undefined,
    status: statusOf(session),
    sdp: '',
    audioCodec: audio === undefined ? '' : nameOf(audio.codec),
    videoCodec: video === undefined ? '' : nameOf(video.codec),
    record: false,
    width: video?.codec.kind === 'video' ? video.codec.width : 0,
    height: video?.codec.kind === 'video' ? video.codec.height : 0,
    bitrate: kilobits(videoRates.bitrate),
    minBitrate: 0,
    maxBitrate: 0,
    quality: 0,
    history: false,
    gop: videoRates.group,
    fps: Math.round(videoRates.unitRate),
    audioBitrate: kilobits(rates.measure(audio).bitrate),
    codecImpl: '',
    transport: 'TCP',
    cvoExtension: false,
    createDate: Math.round((session.type === 'publish' ? session.stream.startedAt : peer.startedAt) / 1_000),
    mediaType: session.type,
    audioState: muted,
    videoState: muted,
    mediaProvider: providers[carrier] ?? carrier.toUpperCase(),
  };
}

/** The live figures of `display: ["metrics"]` (reference d.2). */
export function describeMetrics(session: MediaSession, rates: RateMeter): Record<string, number | string> {
  const video = trackOf(session, 'video');
  const audio = trackOf(session, 'audio');
  const { bitrate, unitRate } = rates.measure(video);
  const figures: Record<string, number | string> = {};
  if (video?.codec.kind === 'video') {
    figures['VIDEO_CODEC'] = nameOf(video.codec);
    figures['VIDEO_WIDTH'] = video.codec.width;
    figures['VIDEO_HEIGHT'] = video.codec.height;
    figures['VIDEO_RATE'] = bitrate;
    figures['VIDEO_FPS'] = Math.round(unitRate * 10) / 10;
    figures['VIDEO_K_FRAMES'] = video.counters.keyframes;
    figures['VIDEO_B_FRAMES'] = 'bFrames' in video.codec && video.codec.bFrames === true ? 1 : 0;
    figures['VIDEO_LOST'] = session.type === 'play' ? session.holder.counters.droppedUnits : video.counters.disordered;
    figures['VIDEO_PLI'] = session.stream.keyframeRequestsSent;
    figures['VIDEO_SYNC'] = -synchronizationOf(session.stream);
  }
  if (audio?.codec.kind === 'audio') {
    figures['AUDIO_CODEC'] = nameOf(audio.codec);
    figures['AUDIO_RATE'] = rates.measure(audio).bitrate;
    figures['AUDIO_LOST'] = audio.counters.disordered;
    figures['AUDIO_SYNC'] = synchronizationOf(session.stream);
  }
  if (session.type === 'play') {
    const { counters, lag } = session.holder;
    figures['SENT_UNITS'] = counters.units;
    figures['SENT_BYTES'] = counters.bytes;
    figures['DROPPED_UNITS'] = counters.droppedUnits;
    figures['QUEUE_MS'] = Math.round(lag.duration / 1_000);
  }
  return figures;
}

function statusOf(session: MediaSession): string {
  const waits = session.stream.tracks.length === 0;
  if (waits) return 'PENDING';
  return session.type === 'publish' ? 'PUBLISHING' : 'PLAYING';
}

/** As WCS writes codecs, after SDP. */
function nameOf(codec: CodecDescriptor): string {
  return codec.name === 'aac' ? 'mpeg4-generic' : codec.name.toUpperCase();
}

function kilobits(bits: number): number {
  return Math.round(bits / 1_000);
}
