import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { AudioCodec, CodecDescriptor, VideoCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { sameCodec } from '../../core/media/codecs/same-codec.ts';
import { type Micros, millis, seconds, ZERO } from '../../core/time/micros.ts';

/** What a run of segments is coded in: one init section. */
export interface MediaLayout {
  readonly video: VideoCodec | undefined;
  readonly audio: AudioCodec | undefined;
}

export interface TimedUnit {
  readonly unit: AccessUnit;
  /** To the decoding of the next unit of the track. */
  readonly duration: Micros;
}

/** What was cut: a part. Parts lie end to end in stream time, but for discontinuities. */
export interface CutPart {
  readonly video: readonly TimedUnit[];
  readonly audio: readonly TimedUnit[];
  readonly start: Micros;
  readonly duration: Micros;
  /** Begins with a keyframe; without video always. */
  readonly independent: boolean;
}

export interface SegmenterSink {
  /** Another layout holds from the next part on. */
  onLayout(layout: MediaLayout, discontinuity: boolean): void;
  onPart(part: CutPart): void;
  /** The segment is whole; the next part begins another. */
  onSegmentEnd(): void;
}

export interface SegmenterSettings {
  readonly segment: Micros;
  /** Whether the first segment ends as soon as it can: no player starts without one. A rung is cut where the source is. */
  readonly prompt: boolean;
  readonly part: Micros;
  /** A segment is cut here even without a keyframe. */
  readonly longest: Micros;
  /** A part, and after sixteen of them a segment, ends here whatever its length. */
  readonly largestPart: number;
}

interface Lane {
  /** The newest unit: how long it lasts is known when the next one is there. */
  held: AccessUnit | undefined;
  pending: TimedUnit[];
  lastDuration: Micros;
}

/** How long sound waits for the picture that was announced with it. */
const pictureWait = seconds(5);
const usualFrame = { video: millis(33), audio: millis(21) };
/** A part that is not the last of its segment must have so much of the part target (RFC 8216bis 4.4.4.9). */
const leastPart = 0.85;

function emptyLane(kind: 'video' | 'audio'): Lane {
  return { held: undefined, pending: [], lastDuration: usualFrame[kind] };
}

/**
 * Cuts a stream's units into parts and segments. Video decides where, or audio when there is no video: segments begin at
 * keyframes, as near as they come to multiples of the wished length, parts hold the number of frames that does.
 */
export class Segmenter {
  readonly #settings: SegmenterSettings;
  readonly #sink: SegmenterSink;
  /** What the subscription reads, to announce a track in the first init section before its first unit. */
  readonly #expected: () => MediaLayout;
  #layout: MediaLayout | undefined;
  #video: Lane = emptyLane('video');
  #audio: Lane = emptyLane('audio');
  /** Audio that no segment can take yet: it waits for the keyframe that begins one. */
  #early: AccessUnit[] = [];
  #partStart: Micros = ZERO;
  #segmentStart: Micros = ZERO;
  #lastKeyframe: Micros = ZERO;
  /** Whole lengths of a segment in stream time that are behind us; undefined until the distance of keyframes shows. */
  #passed: number | undefined;
  #pendingBytes = 0;
  #segmentBytes = 0;
  #finished = 0;
  #discontinuity = false;

  constructor(settings: SegmenterSettings, dependencies: { sink: SegmenterSink; expected: () => MediaLayout }) {
    this.#settings = settings;
    this.#sink = dependencies.sink;
    this.#expected = dependencies.expected;
  }

  /** Units in the order of arrival. */
  take(unit: AccessUnit): void {
    if (unit.codec.kind === 'video') this.#takeVideo(unit, unit.codec);
    else this.#takeAudio(unit, unit.codec);
  }

  /** The source began anew: what comes next is another segment, after a discontinuity. */
  discontinue(): void {
    if (this.#layout !== undefined) this.finish();
    this.#early = [];
  }

  /** The source has gone quiet: what is there goes out. When it goes on, so does the segment. */
  flush(): void {
    const driver = this.#layout?.video === undefined ? this.#audio : this.#video;
    const end = driver.held === undefined ? this.#partStart : driver.held.dts + driver.lastDuration;
    this.#release();
    this.#closePart(end as Micros);
  }

  /** Closes what is open. More may follow, after a discontinuity. */
  finish(): void {
    if (this.#layout === undefined) return;
    this.flush();
    this.#closeSegment();
    this.#layout = undefined;
    this.#discontinuity = true;
  }

  /** Units whose length is not known yet get the length of the one before. */
  #release(): void {
    for (const lane of [this.#video, this.#audio]) {
      if (lane.held !== undefined) this.#append(lane, lane.held, lane.lastDuration);
      lane.held = undefined;
    }
  }

  #takeVideo(unit: AccessUnit, codec: VideoCodec): void {
    const layout = this.#layout;
    const fits = layout?.video !== undefined && this.#isSame(layout.video, codec);
    if (!fits || (unit.keyframe && this.#early.length > 0)) {
      // The units between a change of codec and its keyframe decode nowhere.
      if (unit.keyframe) this.#begin(unit, codec);
      return;
    }
    if (layout.video !== codec) this.#layout = { ...layout, video: codec };
    this.#advance(this.#video, unit);
    this.#cut(unit, unit.keyframe, this.#video.lastDuration);
  }

  #takeAudio(unit: AccessUnit, codec: AudioCodec): void {
    const layout = this.#layout;
    if (layout?.audio === undefined || !this.#isSame(layout.audio, codec)) {
      this.#awaitKeyframe(unit, codec);
      return;
    }
    if (layout.audio !== codec) this.#layout = { ...layout, audio: codec };
    this.#advance(this.#audio, unit);
    if (layout.video === undefined) this.#cut(unit, true, this.#audio.lastDuration);
    else if (this.#videoStalls(unit)) this.#closePart(unit.dts);
  }

  #isSame(a: CodecDescriptor, b: CodecDescriptor): boolean {
    return a === b || sameCodec(a, b);
  }

  /** Audio that the segment cannot take: it begins one of its own where there is no video, else waits for a keyframe. */
  #awaitKeyframe(unit: AccessUnit, codec: AudioCodec): void {
    const oldest = this.#early[0];
    if (oldest !== undefined && !this.#isSame(oldest.codec, codec)) this.#early = [];
    const hasVideo =
      this.#layout === undefined ? this.#expected().video !== undefined : this.#layout.video !== undefined;
    const waited = unit.dts - (this.#early[0]?.dts ?? unit.dts);
    if (hasVideo && waited < pictureWait) {
      this.#early.push(unit);
      return;
    }
    if (this.#layout?.video !== undefined) {
      // A long group of pictures: the newest few seconds are all that can be kept.
      this.#early.shift();
      this.#early.push(unit);
      return;
    }
    const early = this.#early;
    this.#early = [];
    this.#open(early[0] ?? unit, { video: undefined, audio: codec });
    for (const waiting of early) this.#takeAudio(waiting, codec);
    this.#takeAudio(unit, codec);
  }

  #begin(keyframe: AccessUnit, codec: VideoCodec): void {
    const early = this.#early;
    this.#early = [];
    const known = early[0]?.codec ?? this.#layout?.audio ?? this.#expected().audio;
    this.#open(keyframe, { video: codec, audio: known?.kind === 'audio' ? known : undefined });
    this.#advance(this.#video, keyframe);
    for (const unit of early) this.#advance(this.#audio, unit);
  }

  #open(first: AccessUnit, layout: MediaLayout): void {
    if (this.#layout !== undefined) this.finish();
    this.#video = emptyLane('video');
    this.#audio = emptyLane('audio');
    this.#layout = layout;
    this.#partStart = first.dts;
    this.#segmentStart = first.dts;
    this.#lastKeyframe = first.pts;
    this.#passed = undefined;
    this.#sink.onLayout(layout, this.#discontinuity);
    this.#discontinuity = false;
  }

  #advance(lane: Lane, unit: AccessUnit): void {
    const held = lane.held;
    lane.held = unit;
    if (held === undefined) return;
    lane.lastDuration = (unit.dts - held.dts) as Micros;
    this.#append(lane, held, lane.lastDuration);
  }

  #append(lane: Lane, unit: AccessUnit, duration: Micros): void {
    lane.pending.push({ unit, duration });
    this.#pendingBytes += unit.size;
  }

  /** Decides at `unit`, the first that is not in the part yet. */
  #cut(unit: AccessUnit, keyframe: boolean, frame: Micros): void {
    const { part, longest, largestPart } = this.#settings;
    const span = unit.dts - this.#partStart;
    const length = unit.dts - this.#segmentStart;
    if (keyframe && this.#isSegmentDue(unit, length)) {
      this.#closePart(unit.dts);
      this.#closeSegment();
    } else if (
      // One frame more would take it farther from the wished length.
      span + frame / 2 > part ||
      (keyframe && span >= part * leastPart) ||
      this.#pendingBytes >= largestPart
    ) {
      this.#closePart(unit.dts);
      if (length >= longest || this.#segmentBytes >= largestPart * 16) this.#closeSegment();
    }
  }

  /**
   * Where to cut follows from the times of the keyframes and not from where this segmenter began, so that all forms of a
   * stream, whenever they began, are cut at the same keyframes: those nearest to whole multiples of the wished length, or
   * each one when they are far apart.
   */
  #isSegmentDue(keyframe: AccessUnit, length: number): boolean {
    const { segment, prompt } = this.#settings;
    const group = keyframe.pts - this.#lastKeyframe;
    const passed = this.#passed ?? Math.floor((this.#lastKeyframe + group / 2) / segment);
    const passedNow = Math.floor((keyframe.pts + group / 2) / segment);
    this.#lastKeyframe = keyframe.pts;
    this.#passed = Math.max(passed, passedNow);
    if (passedNow > passed || group * 1.5 >= segment) return true;
    return prompt && this.#finished === 0 && length >= segment / 4;
  }

  /** A picture that stands still must not hold the sound back. */
  #videoStalls(audio: AccessUnit): boolean {
    const wait = Math.max(this.#settings.part * 4, this.#video.lastDuration * 2);
    return audio.dts - this.#partStart > wait;
  }

  #closePart(wanted: Micros): void {
    const video = this.#video.pending;
    const audio = this.#audio.pending;
    if (video.length === 0 && audio.length === 0) return;
    this.#video.pending = [];
    this.#audio.pending = [];
    this.#segmentBytes += this.#pendingBytes;
    this.#pendingBytes = 0;
    const start = this.#partStart;
    // A picture may lag behind the sound that closed the part before.
    const end = Math.max(wanted, start + 1) as Micros;
    this.#partStart = end;
    const independent = this.#layout?.video === undefined || video[0]?.unit.keyframe === true;
    this.#sink.onPart({ video, audio, start, duration: (end - start) as Micros, independent });
  }

  #closeSegment(): void {
    this.#segmentStart = this.#partStart;
    this.#segmentBytes = 0;
    this.#finished += 1;
    this.#sink.onSegmentEnd();
  }
}
