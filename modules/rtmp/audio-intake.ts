import type { Buffer } from 'node:buffer';
import { AccessUnit } from '../../core/media/access-unit.ts';
import { aacCodec } from '../../core/media/codecs/aac.ts';
import type { AudioCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { flacCodec } from '../../core/media/codecs/flac.ts';
import { mp3Codec } from '../../core/media/codecs/mp3.ts';
import { opusCodec } from '../../core/media/codecs/opus.ts';
import { sameCodec } from '../../core/media/codecs/same-codec.ts';
import { pcmCodec, speexCodec } from '../../core/media/codecs/telephony.ts';
import type { Publication, TrackWriter } from '../../core/streams/publication.ts';
import type { Micros } from '../../core/time/micros.ts';
import { readFlacRecord } from '../../wire/codec-records/flac-record.ts';
import { readOpusHead } from '../../wire/codec-records/opus-record.ts';
import { WireError } from '../../wire/errors.ts';
import type { FlvAudioConfig, FlvAudioFrame, FlvAudioPacket } from '../../wire/flv/tag.ts';
import { SampleClock } from './sample-clock.ts';

/** Version, layer, rate and channel mode of an MP3 frame header: what its descriptor depends on. */
const mp3Facts = 0xfffe0cc0;

/** What the packets of an FLV audio track make of it: descriptors and units. */
export class AudioIntake {
  readonly #publication: Publication;
  #codec: AudioCodec | undefined;
  #mp3Header = 0;
  #writer: TrackWriter | undefined;
  readonly #samples = new SampleClock();
  /** Frames that came before their sequence header. */
  undescribed = 0;

  constructor(publication: Publication) {
    this.#publication = publication;
  }

  /** Throws WireError and CodecError. `place` gives the stream time; it is asked for frames only. */
  take(packet: FlvAudioPacket, place: () => Micros): void {
    if (packet.kind === 'config') this.#describe(packet);
    else if (packet.kind === 'frame') this.#write(packet, place);
  }

  #describe({ codec, payload }: FlvAudioConfig): void {
    switch (codec) {
      case 'aac':
        this.#adopt(aacCodec(payload));
        break;
      case 'opus':
        this.#adopt(payload.length === 0 ? opusCodec({ channels: 2 }) : opusFromHead(payload));
        break;
      case 'flac':
        this.#adopt(flacCodec(readFlacRecord(payload).streamInfo));
        break;
      default:
        throw new WireError('unsupported', 'flv', `audio codec ${codec}`);
    }
    if (this.#codec !== undefined) this.#writer ??= this.#publication.addTrack(this.#codec);
  }

  /** Encoders repeat their sequence header; the descriptor stays the same object then. */
  #adopt(codec: AudioCodec): void {
    if (this.#codec === undefined || !sameCodec(this.#codec, codec)) this.#codec = codec;
  }

  #write(packet: FlvAudioFrame, place: () => Micros): void {
    const { payload } = packet;
    if (payload.length === 0) return;
    const codec = this.#codecOf(packet);
    if (codec === undefined) {
      this.undescribed += 1;
      return;
    }
    const at = this.#samples.place(codec, payload, place());
    this.#writer ??= this.#publication.addTrack(codec);
    this.#writer.write(new AccessUnit({ codec, pts: at, dts: at, keyframe: true, parts: [payload] }));
  }

  #codecOf(packet: FlvAudioFrame): AudioCodec | undefined {
    switch (packet.codec) {
      case 'aac':
      case 'flac':
        return this.#codec?.name === packet.codec ? this.#codec : undefined;
      case 'opus':
        if (this.#codec?.name !== 'opus') this.#codec = opusCodec({ channels: 2 });
        break;
      case 'mp3':
        this.#followMp3(packet.payload);
        break;
      case 'pcma':
      case 'pcmu': {
        const channels = packet.channels ?? 1;
        if (this.#codec?.name !== packet.codec || this.#codec.channels !== channels) {
          this.#codec = packet.codec === 'pcma' ? pcmCodec('pcma', { channels }) : pcmCodec('pcmu', { channels });
        }
        break;
      }
      case 'speex':
        if (this.#codec?.name !== 'speex') this.#codec = speexCodec({ sampleRate: 16_000 });
        break;
      default:
        throw new WireError('unsupported', 'flv', `audio codec ${packet.codec}`);
    }
    return this.#codec;
  }

  #followMp3(frame: Buffer): void {
    const header = frame.length >= 4 ? (frame.readUInt32BE(0) & mp3Facts) >>> 0 : 0;
    if (this.#codec?.name === 'mp3' && header === this.#mp3Header) return;
    this.#adopt(mp3Codec(frame));
    this.#mp3Header = header;
  }
}

function opusFromHead(head: Buffer): AudioCodec {
  const { channels, preSkip, mappingFamily } = readOpusHead(head);
  // A plain head says no more than these two numbers.
  return opusCodec({ channels, preSkip, head: mappingFamily === 0 ? undefined : head });
}
