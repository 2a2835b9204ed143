/** One unit of a binary message of the client protocol: a decoder's configuration, or a frame. */
export interface MediaUnit {
  readonly kind: 'video' | 'audio';
  readonly isConfig: boolean;
  readonly isKeyframe: boolean;
  /** Milliseconds of stream time; wraps after 24 days. */
  readonly timestamp: number;
  /** Of video a decoder configuration record or NAL units with lengths, of audio AudioSpecificConfig or a raw frame. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const headerLength = 9;
const videoType = 9;
const audioType = 8;
/** Frame type, packet type and composition time in front of video; what it is in front of audio. */
const videoPrefix = 5;
const audioPrefix = 1;

/**
 * Reads `type u8 (9 video, 8 audio) | timestamp i32 ms | length i32 | payload`, again and again; a video payload is the
 * body of an FLV tag, an audio payload that without its first byte. Throws RangeError on what ends too soon.
 */
export function readMediaUnits(message: ArrayBuffer): MediaUnit[] {
  const view = new DataView(message);
  const units: MediaUnit[] = [];
  for (let at = 0; at < message.byteLength; ) {
    const type = view.getUint8(at);
    const timestamp = view.getInt32(at + 1);
    const length = view.getUint32(at + 5);
    const payload = new Uint8Array(message, at + headerLength, length);
    at += headerLength + length;
    const unit = type === videoType ? readVideo(payload, timestamp) : undefined;
    if (unit !== undefined) units.push(unit);
    if (type === audioType && length > audioPrefix) {
      const isConfig = payload[0] === 0;
      units.push({ kind: 'audio', isConfig, isKeyframe: true, timestamp, bytes: payload.subarray(audioPrefix) });
    }
  }
  return units;
}

function readVideo(payload: Uint8Array<ArrayBuffer>, timestamp: number): MediaUnit | undefined {
  const [frameType = 0, packetType] = payload;
  // 2 is the end of a sequence, which carries nothing.
  if (payload.length <= videoPrefix || (packetType !== 0 && packetType !== 1)) return undefined;
  const isKeyframe = frameType >> 4 === 1;
  return { kind: 'video', isConfig: packetType === 0, isKeyframe, timestamp, bytes: payload.subarray(videoPrefix) };
}
