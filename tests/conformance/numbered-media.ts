import { noCredentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { AccessUnit } from '../../core/media/access-unit.ts';
import { aacCodecFromParameters } from '../../core/media/codecs/aac.ts';
import type { AacCodec, OpusCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { h264Codec } from '../../core/media/codecs/h264.ts';
import type { Session } from '../../core/sessions/session.ts';
import type { Publication, TrackWriter } from '../../core/streams/publication.ts';
import { type Micros, millis } from '../../core/time/micros.ts';

/** Parameter sets of a 1280x720 picture, as x264 writes them for its baseline profile. */
const sps = Buffer.from('6742c01fda014016e840000003004000000f23c60ca8', 'hex');
const pps = Buffer.from('68ce3c80', 'hex');

export const conformanceH264 = h264Codec([sps], [pps]);
export const conformanceAac = aacCodecFromParameters({ objectType: 2, sampleRate: 48_000, channels: 2 });

/** 25 frames a second; a key frame each second. */
export const frameMillis = 40;
export const framesInGroup = 25;
/** AAC: 1024 samples of 48 kHz. */
export const audioMicros = 1_024_000 / 48;

/** One NAL unit: an IDR or non-IDR slice header byte, then the number. Six-bit groups keep start codes out. */
export function numberedNal(number: number, keyframe: boolean, size: number): Buffer {
  const nal = Buffer.alloc(Math.max(8, size), 0x80);
  nal[0] = keyframe ? 0x65 : 0x41;
  writeNumber(nal, 1, number);
  return nal;
}

export function numberedAudioFrame(number: number, size = 60): Buffer {
  const audio = Buffer.alloc(size, 0x80);
  audio[0] = 0x21;
  writeNumber(audio, 1, number);
  return audio;
}

function writeNumber(bytes: Buffer, at: number, number: number): void {
  for (let index = 0; index < 4; index += 1) bytes[at + index] = 0x40 | ((number >> (6 * (3 - index))) & 63);
}

/** The number in a NAL unit or audio frame of this page. */
export function readNumber(bytes: Buffer): number {
  let number = 0;
  for (let index = 1; index <= 4; index += 1) number = (number << 6) | ((bytes[index] ?? 0) & 63);
  return number;
}

/** Publishes numbered media straight into the core: picture `n` at n × 40 ms, with the audio that belongs beside it. */
export class NumberedSource {
  readonly #video: TrackWriter;
  readonly #audio: TrackWriter;
  readonly #frameBytes: number;
  readonly #audioCodec: AacCodec | OpusCodec;
  #pictures = 0;
  #sounds = 0;

  constructor(publication: Publication, frameBytes = 2_000, audioCodec: AacCodec | OpusCodec = conformanceAac) {
    this.#video = publication.addTrack(conformanceH264);
    this.#audio = publication.addTrack(audioCodec);
    this.#audioCodec = audioCodec;
    this.#frameBytes = frameBytes;
  }

  get pictures(): number {
    return this.#pictures;
  }

  get sounds(): number {
    return this.#sounds;
  }

  /** Bytes that the picture's log holds now. */
  get keptBytes(): number {
    return this.#video.track.log.keptBytes;
  }

  write(pictures: number): void {
    for (let index = 0; index < pictures; index += 1) this.#writePicture();
  }

  #writePicture(): void {
    const number = this.#pictures;
    const at = millis(number * frameMillis);
    const keyframe = number % framesInGroup === 0;
    const nal = numberedNal(number, keyframe, this.#frameBytes);
    this.#video.write(new AccessUnit({ codec: conformanceH264, pts: at, dts: at, keyframe, parts: [nal] }));
    this.#pictures += 1;
    while (this.#sounds * audioMicros < this.#pictures * frameMillis * 1_000) {
      const time = Math.round(this.#sounds * audioMicros) as Micros;
      const parts = [numberedAudioFrame(this.#sounds)];
      this.#audio.write(new AccessUnit({ codec: this.#audioCodec, pts: time, dts: time, keyframe: true, parts }));
      this.#sounds += 1;
    }
  }
}

/** Publishes numbered media in a session of its own. */
export async function publishNumbered(
  core: Pick<Core, 'sessions' | 'streams' | 'scope'>,
  name: string,
  frameBytes?: number,
  audioCodec?: AacCodec | OpusCodec,
): Promise<{ readonly session: Session; readonly publication: Publication; readonly source: NumberedSource }> {
  const session = core.sessions.open({ protocol: 'test', remoteAddress: '127.0.0.1', parent: core.scope });
  const publication = await core.streams.publish({
    name,
    session,
    credentials: noCredentials,
    onConflict: 'refuse',
    expects: ['video', 'audio'],
  });
  return { session, publication, source: new NumberedSource(publication, frameBytes, audioCodec) };
}
