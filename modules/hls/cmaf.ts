import type { Buffer } from 'node:buffer';
import { accepting } from '../../core/media/codec-target.ts';
import type { AudioCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { toTicks } from '../../core/time/micros.ts';
import { framedParts } from '../../wire/codec-records/decoder-record.ts';
import { type FragmentTrack, mediaFragment } from '../../wire/fmp4/fragment-writer.ts';
import { initSegment } from '../../wire/fmp4/init-writer.ts';
import type { FragmentSample } from '../../wire/fmp4/track.ts';
import { audioTrack, audioTrackId, videoTimescale, videoTrack, videoTrackId } from './cmaf-codecs.ts';
import type { Packager, Variant } from './packager.ts';
import type { CutPart, MediaLayout, TimedUnit } from './segmenter.ts';

/** Fragmented MP4, picture and sound in one file: one request brings both, and every player takes it. */
export const cmafVariant: Variant = {
  name: 'cmaf',
  playlist: 'media.m3u8',
  wishes: [
    { kind: 'video', accepts: accepting('h264', 'h265', 'av1', 'vp9'), optional: true },
    { kind: 'audio', accepts: accepting('aac', 'opus', 'mp3', 'flac'), optional: true },
  ],
  extension: 'm4s',
  contentType: 'video/mp4',
  lowLatency: true,
  packager: () => new CmafPackager(),
};

/** Sources that count milliseconds round each frame's time by up to one; two frames' roundings may meet. */
const roundingSeconds = 0.002;

export class CmafPackager implements Packager {
  #layout: MediaLayout = { video: undefined, audio: undefined };
  #sequence = 0;
  /** Where the next audio frame begins if none is missing, in ticks. */
  #audioNext: number | undefined;

  begin(layout: MediaLayout): Buffer {
    this.#layout = layout;
    this.#audioNext = undefined;
    return initSegment([
      ...(layout.video === undefined ? [] : [videoTrack(layout.video)]),
      ...(layout.audio === undefined ? [] : [audioTrack(layout.audio)]),
    ]);
  }

  pack(part: CutPart, firstOfSegment: boolean): Buffer[] {
    const tracks: FragmentTrack[] = [];
    if (part.video.length > 0) tracks.push(packVideo(part.video));
    if (part.audio.length > 0 && this.#layout.audio !== undefined) {
      tracks.push(this.#packAudio(part.audio, this.#layout.audio));
    }
    this.#sequence += 1;
    return mediaFragment({ sequence: this.#sequence, tracks, segmentType: firstOfSegment });
  }

  /**
   * Frames of fixed length are laid end to end: rounded times would leave gaps and overlaps that a decoder hears. A
   * frame that is more than a rounding off its place keeps its own time, so that nothing drifts.
   */
  #packAudio(units: readonly TimedUnit[], codec: AudioCodec): FragmentTrack {
    const rate = codec.sampleRate;
    const length = 'samplesPerFrame' in codec ? codec.samplesPerFrame : undefined;
    const starts = units.map(({ unit }) => {
      const told = toTicks(unit.dts, rate);
      const next = this.#audioNext;
      const start = next !== undefined && Math.abs(next - told) <= rate * roundingSeconds ? next : told;
      this.#audioNext = length === undefined ? undefined : start + length;
      return start;
    });
    const samples = units.map(({ unit, duration }, index): FragmentSample => {
      const start = starts[index] ?? 0;
      const end = starts[index + 1] ?? this.#audioNext ?? toTicks(duration, rate) + start;
      return {
        duration: Math.max(1, end - start),
        size: unit.size,
        compositionOffset: 0,
        keyframe: true,
        parts: unit.parts,
      };
    });
    return { trackId: audioTrackId, baseDecodeTime: starts[0] ?? 0, samples };
  }
}

function packVideo(units: readonly TimedUnit[]): FragmentTrack {
  const samples = units.map(({ unit, duration }): FragmentSample => {
    const dts = toTicks(unit.dts, videoTimescale);
    const parts = framedParts(unit.codec.name, unit.parts);
    let size = 0;
    for (const part of parts) size += part.length;
    return {
      // From rounded time to rounded time: the durations add up to the next base time.
      duration: toTicks((unit.dts + duration) as typeof duration, videoTimescale) - dts,
      size,
      compositionOffset: toTicks(unit.pts, videoTimescale) - dts,
      keyframe: unit.keyframe,
      parts,
    };
  });
  return {
    trackId: videoTrackId,
    baseDecodeTime: toTicks(units[0]?.unit.dts ?? (0 as never), videoTimescale),
    samples,
  };
}
