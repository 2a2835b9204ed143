import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { EventBus } from '../../core/events/bus.ts';
import { StreamDiscontinued, StreamResumed } from '../../core/events/catalogue.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Log } from '../../core/observe/log.ts';
import type { Stream } from '../../core/streams/stream.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { type Cancel, type Clock, every } from '../../core/time/clock.ts';
import { type Micros, seconds, ZERO } from '../../core/time/micros.ts';
import type { Timeline } from '../../core/time/timeline.ts';
import type { HlsConfig } from './config.ts';
import { renderMediaPlaylist } from './media-playlist.ts';
import type { Packager, Variant } from './packager.ts';
import { PlaylistText } from './playlist-text.ts';
import { type CutPart, type MediaLayout, Segmenter, type SegmenterSink } from './segmenter.ts';
import { type WaitBudget, Waiting, type WaitResult } from './waiting.ts';
import { type InitFile, type MemoryBudget, type PartFile, type ServedFile, Window } from './window.ts';

/** What all muxers of the module share. */
export interface MuxerBudgets {
  readonly memory: MemoryBudget;
  readonly waits: WaitBudget;
}

export interface MuxerDependencies {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly scope: Scope;
  readonly log: Log;
  readonly subscription: Subscription;
  readonly budgets: MuxerBudgets;
}

export interface BlockingPoint {
  readonly msn: number;
  readonly part: number | undefined;
}

/**
 * Media sequence numbers begin with the quarters of a second since 2024 (µs of Unix time): they rise over restarts of a
 * muxer, since no segments are as short as that, and stay below 2^31 for long.
 */
const epoch = 1_704_067_200e6;
const numberStep = 250_000;
/** Parts are a millisecond or two longer than frames would have it: sources round. */
const partSlack = 2_500;
const partStep = 5_000;
/** Between two looks whether the source has gone quiet: a slide show at two frames a second has not. */
const quietInterval = seconds(1);
const largestShareOfMemory = 4;

/** Packages one stream in one variant: units in, files and playlists out. */
export class Muxer implements SegmenterSink {
  readonly stream: Stream;
  readonly variant: Variant;
  readonly window: Window;
  readonly waiting: Waiting;
  readonly startedAt: Micros;
  readonly #config: HlsConfig;
  readonly #dependencies: MuxerDependencies;
  readonly #packager: Packager;
  readonly #segmenter: Segmenter;
  readonly #texts = { full: new PlaylistText(), delta: new PlaylistText() };
  #layout: MediaLayout | undefined;
  #map: InitFile | undefined;
  #discontinuity = false;
  #timeline: Timeline | undefined;
  #nextPart: string;
  #files = 0;
  #version = 0;
  #longestSegment: Micros;
  #longestPart: Micros = ZERO;
  #independent = true;
  #ended = false;
  #quiet = true;
  parts = 0;
  /** Bits a second. */
  peakRate = 0;
  #packed = { bytes: 0, duration: 0, frames: 0 };

  constructor(variant: Variant, config: HlsConfig, dependencies: MuxerDependencies) {
    this.variant = variant;
    this.#config = config;
    this.#dependencies = dependencies;
    const { clock, budgets, subscription, events, scope } = dependencies;
    this.stream = subscription.stream;
    this.startedAt = clock.wallNow();
    const firstMsn = Math.max(0, Math.floor((this.startedAt - epoch) / numberStep));
    this.window = new Window(
      { listSize: config.listSize, bytes: config.memory.stream, firstMsn },
      { budget: budgets.memory },
    );
    scope.defer(() => this.window.clear());
    this.waiting = new Waiting({ most: config.blocked.stream }, { clock, budget: budgets.waits });
    scope.defer(() => this.waiting.end());
    this.#packager = variant.packager();
    this.#longestSegment = config.segment;
    this.#nextPart = this.#name('p');
    this.#segmenter = new Segmenter(
      {
        segment: config.segment,
        prompt: subscription.wishes.every(({ profile }) => profile === undefined),
        part: config.part,
        longest: config.longestSegment,
        largestPart: Math.ceil(config.memory.stream / largestShareOfMemory / 16),
      },
      { sink: this, expected: () => expectedLayout(subscription) },
    );
    every(scope, clock, quietInterval, () => this.#flushQuiet());
    events.on(StreamResumed, scope, ({ stream }) => this.#hearDiscontinuity(stream));
    events.on(StreamDiscontinued, scope, ({ stream }) => this.#hearDiscontinuity(stream));
  }

  /** Reads the subscription to its end, then leaves the playlist ended. */
  async run(): Promise<void> {
    const { subscription, scope } = this.#dependencies;
    while (await subscription.ready()) this.#drain();
    if (scope.closed) return;
    this.#segmenter.finish();
    this.#ended = true;
    this.#publish();
    this.waiting.end();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get layout(): MediaLayout | undefined {
    return this.#layout;
  }

  /** Players start with a finished segment; those that load no parts would stall behind the first one. */
  get isPlayable(): boolean {
    const segments = this.window.listed.length;
    return segments >= (this.variant.lowLatency ? 1 : 2) || (this.#ended && segments > 0);
  }

  /** Whether its codecs and bit rate are known. */
  get isDescribable(): boolean {
    return this.#packed.bytes > 0;
  }

  /** Bits a second since the start. */
  get averageRate(): number {
    return this.#packed.duration === 0 ? 0 : (this.#packed.bytes * 8e6) / this.#packed.duration;
  }

  /** Frames a second: by the decoder's parameters, else as counted. */
  get frameRate(): number | undefined {
    const video = this.#layout?.video;
    if (video === undefined) return undefined;
    const told = 'frameRate' in video ? video.frameRate : undefined;
    return told ?? (this.#packed.duration === 0 ? undefined : (this.#packed.frames * 1e6) / this.#packed.duration);
  }

  find(file: string): ServedFile | undefined {
    return this.window.find(file);
  }

  /** Whether `file` is the part that was announced. */
  isAnnounced(file: string): boolean {
    return file === this.#nextPart;
  }

  playlist(delta: boolean): PlaylistText {
    const text = delta ? this.#texts.delta : this.#texts.full;
    if (text.version !== this.#version) text.replace(this.#version, this.#render(delta));
    return text;
  }

  /** Whether a request for this point has no answer soon (RFC 8216bis 6.2.5.2). */
  isTooFar({ msn, part }: BlockingPoint): boolean {
    const edge = this.window.edgeMsn;
    if (this.#ended || msn < edge) return false;
    if (msn > edge + 1) return true;
    const ahead = Math.ceil(3e6 / Math.max(1, this.#partTarget()));
    const have = msn === edge ? (this.window.open?.parts.length ?? 0) : 0;
    return part !== undefined && part >= have + Math.max(3, ahead);
  }

  has({ msn, part }: BlockingPoint): boolean {
    if (this.#ended) return true;
    const edge = this.window.edgeMsn;
    const open = this.window.open?.parts.length ?? 0;
    if (part === undefined || !this.variant.lowLatency) return msn < edge;
    if (msn === edge) return open > part;
    if (msn !== edge - 1) return msn < edge;
    // A part past the last of its segment means the first of the next one.
    const last = this.window.listed[this.window.listed.length - 1];
    return last === undefined || part < last.parts.length || open > 0;
  }

  /** Waits at most three target durations, as players do (RFC 8216bis 6.2.5.2). */
  wait(isReady: () => boolean, answer: (result: WaitResult) => void): Cancel {
    const patience = Math.max(3 * this.#longestSegment, this.#config.startTimeout) as Micros;
    return this.waiting.wait(isReady, patience, answer);
  }

  onLayout(layout: MediaLayout, discontinuity: boolean): void {
    this.#layout = layout;
    this.#discontinuity = discontinuity;
    const body = this.#packager.begin(layout, discontinuity);
    if (body === undefined || this.#map?.body.equals(body) === true) return;
    this.#map = { uri: `${this.#name('i')}.mp4`, body };
    this.window.addInit(this.#map);
  }

  onPart(part: CutPart): void {
    const isFirst = this.window.open === undefined;
    const segment = this.window.open ?? this.#beginSegment(part);
    if (isFirst && !part.independent) this.#independent = false;
    // One buffer that all players share and one write each: a part has some twenty pieces.
    const body = Buffer.concat(this.#packager.pack(part, isFirst));
    const { duration, independent } = part;
    const file: PartFile = { uri: this.#nextPart, duration, independent, body };
    this.window.addPart(segment, file);
    this.#nextPart = this.#name('p');
    this.parts += 1;
    this.#packed.bytes += body.length;
    this.#packed.duration += duration;
    this.#packed.frames += part.video.length;
    if (duration > this.#longestPart) this.#longestPart = duration;
    if (segment.duration > this.#longestSegment) this.#longestSegment = segment.duration;
    this.#publish();
  }

  onSegmentEnd(): void {
    const segment = this.window.finish();
    if (segment === undefined) return;
    // A part that a gap of the source made long counts while it is listed: players would else stay behind for ever.
    this.#longestPart = longestListedPart(this.window);
    // The shortest segments say nothing of a rate (RFC 8216bis 4.4.6.2 measures over one to one and a half targets).
    if (segment.duration >= this.#config.segment / 2) {
      this.peakRate = Math.max(this.peakRate, (segment.bytes * 8e6) / segment.duration);
    }
    this.#publish();
  }

  #drain(): void {
    const { subscription } = this.#dependencies;
    for (let next = subscription.pull(); next !== undefined; next = subscription.pull()) {
      this.#quiet = false;
      this.#segmenter.take(next.unit);
    }
  }

  #flushQuiet(): void {
    if (this.#quiet && !this.#ended) this.#segmenter.flush();
    this.#quiet = true;
  }

  /** What was written before belongs to the old run: it is read before the mark is set. */
  #hearDiscontinuity(stream: Stream): void {
    if (stream !== this.stream) return;
    this.#drain();
    this.#segmenter.discontinue();
  }

  #beginSegment(part: CutPart) {
    this.#timeline = this.stream.publication?.timeline ?? this.#timeline;
    const first = part.video[0]?.unit ?? part.audio[0]?.unit;
    const wall = this.#timeline?.wallAt(first?.pts ?? part.start) ?? this.#dependencies.clock.wallNow();
    const uri = `${this.#name('s')}.${this.variant.extension}`;
    const segment = this.window.begin({ uri, map: this.#map, discontinuity: this.#discontinuity, wall });
    this.#discontinuity = false;
    return segment;
  }

  /** Nobody can guess the name of what comes: who has it was given a playlist. */
  #name(kind: string): string {
    this.#files += 1;
    const name = `${kind}${this.#files}-${randomBytes(9).toString('base64url')}`;
    return kind === 'p' ? `${name}.${this.variant.extension}` : name;
  }

  #partTarget(): Micros {
    const least = this.#longestPart === 0 ? this.#config.part : this.#longestPart;
    return (Math.ceil((least + partSlack) / partStep) * partStep) as Micros;
  }

  #render(delta: boolean): string {
    return renderMediaPlaylist(
      {
        window: this.window,
        longestSegment: this.#longestSegment,
        partTarget: this.variant.lowLatency ? this.#partTarget() : undefined,
        holdBack: this.#config.holdBack,
        nextPart: this.#nextPart,
        independent: this.#independent,
        ended: this.#ended,
        reports: [],
      },
      delta,
    );
  }

  #publish(): void {
    this.#version += 1;
    this.waiting.check();
  }
}

function longestListedPart(window: Window): Micros {
  let longest = ZERO;
  for (const { parts } of window.listed) for (const { duration } of parts) if (duration > longest) longest = duration;
  return longest;
}

function expectedLayout(subscription: Subscription): MediaLayout {
  let video: MediaLayout['video'];
  let audio: MediaLayout['audio'];
  for (const { codec } of subscription.tracks) {
    if (codec.kind === 'video') video = codec;
    else audio = codec;
  }
  return { video, audio };
}
