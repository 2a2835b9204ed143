import type { Buffer } from 'node:buffer';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { accepting } from '../../core/media/codec-target.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import { type Micros, toTicks } from '../../core/time/micros.ts';
import { writeAdtsHeader } from '../../wire/codec-records/adts.ts';
import { WireError } from '../../wire/errors.ts';
import { TsMuxer, type TsMuxerTrack } from '../../wire/mpegts/muxer.ts';
import { StreamType } from '../../wire/mpegts/packet.ts';
import { annexBPayload } from '../../wire/mpegts/payloads.ts';
import type { Packager, Variant } from './packager.ts';
import type { CutPart, MediaLayout, TimedUnit } from './segmenter.ts';

/** MPEG-TS segments, for players that know no fragmented MP4. */
export const tsVariant: Variant = {
  name: 'ts',
  playlist: 'ts.m3u8',
  wishes: [
    { kind: 'video', accepts: accepting('h264', 'h265'), optional: true },
    { kind: 'audio', accepts: accepting('aac', 'mp3'), optional: true },
  ],
  extension: 'ts',
  contentType: 'video/mp2t',
  lowLatency: false,
  packager: () => new TsPackager(),
};

const videoPid = 0x100;
const audioPid = 0x101;
const clockRate = 90_000;
/** Room for the PCR, which runs ahead of the first unit, and for sound that begins before the picture. */
const startTicks = clockRate;

export class TsPackager implements Packager {
  #muxer: TsMuxer | undefined;
  #discontinuity = { video: false, audio: false };

  begin(layout: MediaLayout, discontinuity: boolean): undefined {
    const tracks: TsMuxerTrack[] = [];
    if (layout.video !== undefined) tracks.push({ pid: videoPid, streamType: streamTypeOf(layout.video) });
    if (layout.audio !== undefined) tracks.push({ pid: audioPid, streamType: streamTypeOf(layout.audio) });
    if (this.#muxer === undefined) this.#muxer = new TsMuxer({ tracks });
    else this.#muxer.replaceTracks(tracks);
    this.#discontinuity = { video: discontinuity, audio: discontinuity };
  }

  pack(part: CutPart, firstOfSegment: boolean): Buffer[] {
    const muxer = this.#muxer;
    if (muxer === undefined) throw new WireError('malformed', 'mpegts', 'media before its layout');
    const out: Buffer[] = firstOfSegment ? [muxer.tables()] : [];
    const { video, audio } = part;
    let nextVideo = 0;
    let nextAudio = 0;
    while (nextVideo < video.length || nextAudio < audio.length) {
      if (isBefore(video[nextVideo], audio[nextAudio])) {
        out.push(this.#packUnit(muxer, videoPid, (video[nextVideo] as TimedUnit).unit));
        nextVideo += 1;
      } else {
        out.push(this.#packUnit(muxer, audioPid, (audio[nextAudio] as TimedUnit).unit));
        nextAudio += 1;
      }
    }
    return out;
  }

  #packUnit(muxer: TsMuxer, pid: number, unit: AccessUnit): Buffer {
    const kind = unit.codec.kind;
    const discontinuity = this.#discontinuity[kind];
    this.#discontinuity[kind] = false;
    return muxer.unit(pid, {
      pts: ticksOf(unit.pts),
      dts: ticksOf(unit.dts),
      keyframe: unit.keyframe,
      parts: payloadOf(unit),
      discontinuity,
    });
  }
}

function ticksOf(time: Micros): number {
  return toTicks(time, clockRate) + startTicks;
}

function isBefore(video: TimedUnit | undefined, audio: TimedUnit | undefined): boolean {
  if (video === undefined) return false;
  return audio === undefined || video.unit.dts <= audio.unit.dts;
}

function streamTypeOf(codec: CodecDescriptor): number {
  switch (codec.name) {
    case 'h264':
      return StreamType.h264;
    case 'h265':
      return StreamType.h265;
    case 'aac':
      return StreamType.adtsAac;
    case 'mp3':
      // ISO/IEC 13818-3 has the lower rates.
      return codec.sampleRate < 32_000 ? StreamType.mpeg2Audio : StreamType.mpeg1Audio;
    default:
      throw new WireError('unsupported', 'mpegts', `${codec.name} in HLS`);
  }
}

function payloadOf(unit: AccessUnit): readonly Buffer[] {
  const { codec, parts } = unit;
  switch (codec.name) {
    case 'h264':
      return annexBPayload('h264', parts, unit.keyframe ? [...codec.sps, ...codec.pps] : []);
    case 'h265':
      return annexBPayload('h265', parts, unit.keyframe ? [...codec.vps, ...codec.sps, ...codec.pps] : []);
    case 'aac': {
      const { coreObjectType, coreSampleRate, channelConfiguration } = codec;
      const core = { objectType: coreObjectType, sampleRate: coreSampleRate, channelConfiguration };
      return [writeAdtsHeader(core, unit.size), ...parts];
    }
    default:
      return parts;
  }
}
