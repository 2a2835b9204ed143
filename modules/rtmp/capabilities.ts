import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { TrackWish } from '../../core/streams/requests.ts';
import { type AmfValue, amfObject, findAmfNumber, isAmfRecord } from '../../wire/amf/value.ts';

/** FourCCs of Enhanced RTMP that the core has codecs for. */
const videoFourCcs = { hvc1: 'h265', av01: 'av1', vp09: 'vp9', vp08: 'vp8' } as const;
const audioFourCcs = { Opus: 'opus', fLaC: 'flac' } as const;

/** FourCcInfoMask, E-RTMP "Enhancing NetConnection connect Command". */
const canDecode = 1;
const canEncode = 2;
const canForward = 4;

/** What a peer said in `connect` (or the answer to it) about codecs beyond the classic ones. */
export interface Capabilities {
  readonly video: ReadonlySet<string>;
  readonly audio: ReadonlySet<string>;
}

const anything = '*';

/** Reads `fourCcList` (E-RTMP v1) and the info maps (v2). Bounded by what AMF lets through. */
export function readCapabilities(object: AmfValue): Capabilities {
  const video = new Set<string>();
  const audio = new Set<string>();
  if (!isAmfRecord(object)) return { video, audio };
  const list = object.get('fourCcList');
  if (Array.isArray(list)) {
    for (const code of list as readonly AmfValue[]) {
      if (typeof code !== 'string') continue;
      video.add(code);
      audio.add(code);
    }
  }
  addTaken(video, object.get('videoFourCcInfoMap'));
  addTaken(audio, object.get('audioFourCcInfoMap'));
  return { video, audio };
}

function addTaken(into: Set<string>, map: AmfValue): void {
  if (!isAmfRecord(map)) return;
  for (const code of map.keys()) {
    const mask = findAmfNumber(map, code) ?? 0;
    if ((mask & (canDecode | canForward)) !== 0) into.add(code);
  }
}

/** What we tell a peer of ourselves. */
export function ownCapabilities(): Readonly<Record<string, AmfValue>> {
  const all = canDecode | canEncode | canForward;
  const map = (codes: readonly string[]): AmfValue => amfObject(Object.fromEntries(codes.map((code) => [code, all])));
  return {
    capsEx: 0x0e, // multitrack, ModEx and nanosecond offsets are read; reconnect requests are not sent
    videoFourCcInfoMap: map(['avc1', ...Object.keys(videoFourCcs)]),
    audioFourCcInfoMap: map(['mp4a', '.mp3', ...Object.keys(audioFourCcs)]),
  };
}

/** What an RTMP player takes: the classic codecs, and those of Enhanced RTMP that it announced. */
export function playerWishes(of: Capabilities): readonly TrackWish[] {
  const video: CodecTarget[] = [{ codec: 'h264' }];
  for (const [code, codec] of Object.entries(videoFourCcs)) if (takes(of.video, code)) video.push({ codec });
  video.push({ codec: 'flv1' }); // FLV E.4.3.1: what is published so goes to players as it is
  const audio: CodecTarget[] = [{ codec: 'aac' }, { codec: 'mp3' }];
  for (const [code, codec] of Object.entries(audioFourCcs)) if (takes(of.audio, code)) audio.push({ codec });
  audio.push({ codec: 'speex', sampleRate: 16_000 }); // FLV E.4.2.1
  audio.push({ codec: 'pcmu', sampleRate: 8_000 }, { codec: 'pcma', sampleRate: 8_000 });
  return [
    { kind: 'video', accepts: video },
    { kind: 'audio', accepts: audio, optional: true },
  ];
}

function takes(codes: ReadonlySet<string>, code: string): boolean {
  return codes.has(code) || codes.has(anything);
}
