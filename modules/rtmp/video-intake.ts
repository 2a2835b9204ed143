import type { Buffer } from 'node:buffer';
import { AccessUnit } from '../../core/media/access-unit.ts';
import { av1Codec } from '../../core/media/codecs/av1.ts';
import type { VideoCodec, VideoCodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { h264Codec } from '../../core/media/codecs/h264.ts';
import { h265Codec } from '../../core/media/codecs/h265.ts';
import { InBandCodec } from '../../core/media/codecs/in-band-codec.ts';
import { hasRecoveryPoint, isKeyframe } from '../../core/media/codecs/keyframe.ts';
import { sameCodec } from '../../core/media/codecs/same-codec.ts';
import type { Publication, TrackWriter } from '../../core/streams/publication.ts';
import { type Micros, micros } from '../../core/time/micros.ts';
import { readAv1Record } from '../../wire/codec-records/av1-record.ts';
import { readAvcRecord } from '../../wire/codec-records/avc-record.ts';
import { readHevcRecord } from '../../wire/codec-records/hevc-record.ts';
import { type NalLengthSize, splitLengthPrefixed } from '../../wire/codec-records/nal.ts';
import { obuType, readObuType, splitObus } from '../../wire/codec-records/obu.ts';
import { WireError } from '../../wire/errors.ts';
import type { FlvVideoCodec, FlvVideoConfig, FlvVideoFrame, FlvVideoPacket } from '../../wire/flv/tag.ts';

/** Presentation further than this from decoding is no reordering but nonsense, ms. */
const mostComposition = 10_000;

/** What the packets of an FLV video track make of it: descriptors and units. */
export class VideoIntake {
  readonly #publication: Publication;
  #follower: { readonly name: VideoCodecName; readonly codec: InBandCodec } | undefined;
  #lengthSize: NalLengthSize = 4;
  #writer: TrackWriter | undefined;
  /** Frames that came before their sequence header. */
  undescribed = 0;

  constructor(publication: Publication) {
    this.#publication = publication;
  }

  /** After a frame that could not be read the next ones would show what they refer to wrongly. */
  lose(): void {
    this.#writer?.awaitKeyframe();
  }

  /** Throws WireError and CodecError. `place` gives the stream time of decoding; it is asked for frames only. */
  take(packet: FlvVideoPacket, place: () => Micros): void {
    if (packet.kind === 'config') this.#describe(packet);
    else if (packet.kind === 'frame') this.#write(packet, place);
  }

  #describe(packet: FlvVideoConfig): void {
    const name = videoCodecName(packet.codec);
    const initial = packet.mpeg2Ts ? undefined : this.#readRecord(name, packet.payload);
    const before = this.#follower?.codec.current;
    // Encoders repeat their sequence header; the descriptor stays the same object then.
    if (initial !== undefined && before !== undefined && sameCodec(before, initial)) return;
    this.#follower = { name, codec: new InBandCodec(name, initial) };
    if (initial !== undefined) this.#writer ??= this.#publication.addTrack(initial);
  }

  #readRecord(name: VideoCodecName, payload: Buffer): VideoCodec | undefined {
    switch (name) {
      case 'h264': {
        const record = readAvcRecord(payload);
        this.#lengthSize = record.lengthSize;
        return record.sps.length === 0 ? undefined : h264Codec(record.sps, record.pps);
      }
      case 'h265': {
        const record = readHevcRecord(payload);
        this.#lengthSize = record.lengthSize;
        return record.sps.length === 0 ? undefined : h265Codec(record.vps, record.sps, record.pps);
      }
      case 'av1': {
        const header = readAv1Record(payload).obus.find((obu) => readObuType(obu) === obuType.sequenceHeader);
        return header === undefined ? undefined : av1Codec(header);
      }
      default:
        return undefined; // the size stands in the key frames alone
    }
  }

  #write(packet: FlvVideoFrame, place: () => Micros): void {
    const name = videoCodecName(packet.codec);
    if (this.#follower?.name !== name) {
      if (name === 'h264' || name === 'h265') {
        this.undescribed += 1;
        return;
      }
      this.#follower = { name, codec: new InBandCodec(name) };
    }
    const parts = splitFrame(name, packet.payload, this.#lengthSize);
    if (parts.length === 0) return;
    const codec = this.#follower.codec.update(parts);
    if (codec === undefined) {
      this.undescribed += 1;
      return;
    }
    const dts = place();
    const offset = packet.compositionTime;
    const pts = Math.abs(offset) > mostComposition ? dts : micros(Math.max(0, dts + offset * 1_000));
    // The tag's word alone is not taken: units that don't decode by themselves would be what joiners begin with.
    const keyframe = isKeyframe(name, parts) || (packet.keyframe && name === 'h264' && hasRecoveryPoint(parts));
    this.#writer ??= this.#publication.addTrack(codec);
    this.#writer.write(new AccessUnit({ codec, pts, dts, keyframe, parts }));
  }
}

function splitFrame(name: VideoCodecName, payload: Buffer, lengthSize: NalLengthSize): readonly Buffer[] {
  switch (name) {
    case 'h264':
    case 'h265':
      return splitLengthPrefixed(payload, lengthSize, 'flv');
    case 'av1':
      return splitObus(payload, 'flv');
    default:
      return payload.length === 0 ? [] : [payload];
  }
}

function videoCodecName(codec: FlvVideoCodec): VideoCodecName {
  switch (codec) {
    case 'h264':
    case 'h265':
    case 'vp8':
    case 'vp9':
    case 'av1':
      return codec;
    case 'sorenson-h263':
      return 'flv1';
    default:
      throw new WireError('unsupported', 'flv', `video codec ${codec}`);
  }
}
