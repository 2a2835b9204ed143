import type { Buffer } from 'node:buffer';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecDescriptor, CodecName } from '../../core/media/codecs/codec-descriptor.ts';
import { afterIn, every } from '../../core/time/clock.ts';
import { fromTicks, type Micros, micros, seconds } from '../../core/time/micros.ts';
import { NutReader } from '../../wire/nut/reader.ts';
import { NutWriter } from '../../wire/nut/writer.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { describeEnd, FfmpegProcess } from './ffmpeg-process.ts';
import { ResultUnits } from './result-units.ts';
import { sourcePieces, sourceStream } from './source-stream.ts';

/** What one process is to do. */
export interface ConversionPlan {
  readonly from: CodecDescriptor;
  readonly to: CodecName;
  /** The result's frames stand in steps of this rate, from the first one on; absent: where the source's are. */
  readonly framesPerSecond?: number;
  /** Options of the decoder, in front of the input. */
  readonly decoding: readonly string[];
  /** Filters and options of the encoder. */
  readonly encoding: readonly string[];
}

export interface ConversionDependencies {
  readonly ffmpeg: Ffmpeg;
  readonly scope: Scope;
  readonly onUnit: (unit: AccessUnit) => void;
  /** It has ended, by itself or because it was told to. */
  readonly onEnd: () => void;
}

/** What goes along with a frame in the two lowest bits of its time. */
export const mark = { none: 0, keyframe: 1, skip: 2 } as const;

/** Ticks of video in the pipe: a microsecond, and two bits of marks that filters and encoder read from the time. */
export const videoTicksPerSecond = 4_000_000;
const audioTicksPerSecond = 1_000_000;

/**
 * Times in the pipe are this much later, since NUT has none below zero and an encoder's first frame begins before its
 * first input.
 */
const timeShift = seconds(10);

const maxFrameBytes = 16 << 20;

/**
 * Nothing is held back anywhere: no probing, no queue in front of the muxer, each frame written out at once.
 * What the input is stands in its headers. (`-fflags nobuffer` would throw away the first frame, which is probed.)
 */
const quickInput = [
  ...['-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0'],
  ...['-f', 'nut', '-i', 'pipe:0'],
];
const exactOutput = [
  ...['-map', '0:0', '-copyts', '-avoid_negative_ts', 'disabled', '-map_metadata', '-1'],
  ...[
    '-flush_packets',
    '1',
    '-muxdelay',
    '0',
    '-max_interleave_delta',
    '1',
    '-f',
    'nut',
    '-write_index',
    '0',
    'pipe:1',
  ],
];

/** One ffmpeg that converts units of one unchanging codec, with their times passed through. */
export class Conversion {
  readonly from: CodecDescriptor;
  readonly #plan: ConversionPlan;
  readonly #dependencies: ConversionDependencies;
  readonly #scope: Scope;
  readonly #process: FfmpegProcess;
  readonly #writer: NutWriter;
  readonly #ticksPerMicro: number;
  #timeShift: Micros = timeShift;
  readonly #reader: NutReader;
  #results: ResultUnits | undefined;
  #ticksPerSecond = 1;
  /** Unix time of capture minus stream time, of the newest unit that told it. */
  #captureOffset: number | undefined;
  #fault: string | undefined;
  #expectedEnd = false;
  #taken = 0;
  #given = 0;
  /** Units that were taken in when the newest result came out. */
  #takenAtResult = 0;

  constructor(plan: ConversionPlan, dependencies: ConversionDependencies) {
    const { ffmpeg, scope } = dependencies;
    const { clock, settings } = ffmpeg;
    this.from = plan.from;
    this.#plan = plan;
    this.#dependencies = dependencies;
    this.#scope = scope.child(`ffmpeg ${plan.from.name} to ${plan.to}`);
    const ticksPerSecond = plan.from.kind === 'video' ? videoTicksPerSecond : audioTicksPerSecond;
    this.#ticksPerMicro = ticksPerSecond / 1_000_000;
    this.#reader = this.#openReader();
    this.#process = new FfmpegProcess(
      { program: settings.program, args: conversionArguments(plan), nice: settings.nice, grace: settings.grace },
      { clock, scope: this.#scope, onOutput: (bytes) => this.#read(bytes) },
    );
    this.#writer = new NutWriter([sourceStream(plan.from, ticksPerSecond)]);
    this.#process.write(this.#writer.header());
    this.#watchForStall(settings.stallTimeout);
    void this.#process.ended.then((end) => {
      if (!this.#expectedEnd || (end.code !== 0 && this.#fault === undefined)) this.#fault ??= describeEnd(end);
      void this.#scope.close({ code: 'done' });
      dependencies.onEnd();
    });
  }

  get hasEnded(): boolean {
    return this.#process.hasEnded;
  }

  get keepsUp(): boolean {
    return this.#process.keepsUp;
  }

  get progress(): ReadonlyMap<string, string> {
    return this.#process.progress;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Units that came out. */
  get given(): number {
    return this.#given;
  }

  ready(): Promise<void> {
    return this.#process.ready();
  }

  /** Hands a unit in, with `mark`s. */
  write(unit: AccessUnit, marks: number): void {
    const pieces = sourcePieces(unit);
    let size = 0;
    for (let index = 0; index < pieces.length; index += 1) size += pieces[index]?.length ?? 0;
    if (this.#taken === 0) this.#alignSteps(unit.pts);
    const ticks = (unit.pts + this.#timeShift) * this.#ticksPerMicro + (this.#ticksPerMicro > 1 ? marks : 0);
    if (unit.capturedAt !== undefined) this.#captureOffset = unit.capturedAt - unit.pts;
    this.#process.hold();
    this.#process.write(this.#writer.frameHeader(0, Math.max(0, ticks), unit.keyframe, size));
    for (let index = 0; index < pieces.length; index += 1) this.#process.write(pieces[index] as Buffer);
    this.#process.flush();
    this.#taken += 1;
  }

  /** Lets it finish what it has, for a while, and ends it. Throws `transcoder-failed` when it had failed. */
  async finish(): Promise<void> {
    this.#expectedEnd = true;
    this.#process.endInput();
    const { clock, settings } = this.#dependencies.ffmpeg;
    afterIn(this.#scope, clock, settings.grace, () => void this.#scope.close({ code: 'timeout' }));
    await this.#process.ended;
    this.check();
  }

  /** Throws `transcoder-failed` when it has ended and should not have. */
  check(): void {
    if (this.#fault === undefined) return;
    throw new SwitchyardError('transcoder-failed', { transcoder: 'ffmpeg', why: this.#fault });
  }

  #openReader(): NutReader {
    return new NutReader(
      { maxFrameBytes },
      {
        onStreams: ([stream]) => {
          if (stream === undefined) return;
          this.#ticksPerSecond = stream.timeBase.denominator / stream.timeBase.numerator;
          this.#results = new ResultUnits(this.#plan.to, stream);
        },
        onFrame: (frame) => {
          const pts = this.#placeResult(frame.pts);
          const offset = this.#captureOffset;
          const unit = this.#results?.make(frame, pts, offset === undefined ? undefined : micros(pts + offset));
          this.#takenAtResult = this.#taken;
          // What lies before the beginning of time is the encoder's run-up.
          if (unit === undefined || pts < 0) return;
          this.#given += 1;
          this.#dependencies.onUnit(unit);
        },
      },
    );
  }

  #placeResult(ticks: number): Micros {
    // The marks were in the lowest bits.
    if (this.#plan.from.kind === 'video' && this.#ticksPerSecond === videoTicksPerSecond) {
      return (Math.floor(ticks / this.#ticksPerMicro) - this.#timeShift) as Micros;
    }
    return (fromTicks(ticks, this.#ticksPerSecond) - this.#timeShift) as Micros;
  }

  /** The steps of a steady rate begin at the first frame, so that a steady source keeps its times. */
  #alignSteps(first: Micros): void {
    const { framesPerSecond } = this.#plan;
    if (framesPerSecond === undefined) return;
    const step = seconds(1) / framesPerSecond;
    this.#timeShift = micros(Math.round(Math.ceil((first + timeShift) / step) * step) - first);
  }

  #read(bytes: Buffer): void {
    if (this.#fault !== undefined) return;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      this.#fail(describeError(error));
    }
  }

  #watchForStall(timeout: Micros): void {
    let takenBefore = this.#takenAtResult;
    let late = false;
    every(this.#scope, this.#dependencies.ffmpeg.clock, timeout, () => {
      const waits = this.#taken > this.#takenAtResult;
      if (waits && late && this.#takenAtResult === takenBefore) this.#fail('ffmpeg takes in media and gives none');
      late = waits;
      takenBefore = this.#takenAtResult;
    });
  }

  #fail(why: string): void {
    this.#fault ??= why;
    this.#process.kill();
  }
}

/** What ffmpeg is started with. */
export function conversionArguments(plan: ConversionPlan): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error', '-stats_period', '5', '-progress', 'pipe:3'],
    ...plan.decoding,
    ...quickInput,
    ...plan.encoding,
    ...exactOutput,
  ];
}
