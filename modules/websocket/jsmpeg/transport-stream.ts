import { Buffer } from 'node:buffer';
import type { AccessUnit, SharedForm } from '../../../core/media/access-unit.ts';
import * as core from '../../../core/streams/batches.ts';
import type { Track } from '../../../core/streams/track.ts';
import type { QueuedUnit } from '../../../core/streams/track-log.ts';
import { toTicks } from '../../../core/time/micros.ts';
import { markDiscontinuity } from '../../../wire/mpegts/discontinuity.ts';
import { TsMuxer } from '../../../wire/mpegts/muxer.ts';
import { StreamType } from '../../../wire/mpegts/packet.ts';

const pids = { video: 0x100, audio: 0x101 } as const;
const streamTypes = { video: StreamType.mpeg1Video, audio: StreamType.mpeg1Audio } as const;
const clockRate = 90_000;
/** Room for the PCR, which runs ahead of the first unit. */
const startTicks = clockRate;

/** One muxing of one set of tracks, for all who view them: a unit becomes packets when the first viewer takes it. */
export class TransportStream {
  readonly tracks: readonly Track[];
  readonly form: SharedForm<Buffer>;
  readonly tables: Buffer;
  readonly #muxer: TsMuxer;
  /** Positions in the logs that come next. */
  readonly #next = new Map<Track, number>();

  /** `version` tells the tables of one from those of another for a viewer who comes from there. */
  constructor(tracks: readonly Track[], version: number) {
    this.tracks = tracks;
    const announced = tracks.map(({ kind }) => ({ pid: pids[kind], streamType: streamTypes[kind] }));
    this.#muxer = new TsMuxer({ tracks: announced });
    for (let before = 0; before < version; before += 1) {
      this.#muxer.tables();
      this.#muxer.replaceTracks(announced);
    }
    this.tables = this.#muxer.tables();
    this.form = { name: 'jsmpeg', make: (unit) => this.#packets(unit) };
  }

  carries(track: Track): boolean {
    return this.tracks.includes(track);
  }

  /** Units become packets in their order, so that counters run on: those that the viewer jumped over others may still take. */
  #packets(unit: AccessUnit): Buffer {
    const track = this.tracks.find(({ kind }) => kind === unit.codec.kind);
    if (track === undefined) throw new TypeError(`${unit.codec.kind} is not carried`);
    const { log } = track;
    let position = Math.max(this.#next.get(track) ?? log.findFrom(unit.pts), log.start);
    for (; position < log.end; position += 1) {
      const before = log.find(position)?.unit;
      if (before === undefined || before.dts > unit.dts) break;
      this.#next.set(track, position + 1);
      if (before === unit) break;
      before.as(this.form);
    }
    return this.#write(unit);
  }

  #write(unit: AccessUnit): Buffer {
    const { kind } = unit.codec;
    // Decoding order is that of presentation; keyframes carry their sequence header.
    const pts = toTicks(unit.pts, clockRate) + startTicks;
    return this.#muxer.unit(pids[kind], { pts, keyframe: unit.keyframe, parts: unit.parts });
  }
}

/** The transport streams of all that is viewed, each as long as its tracks. */
export class TransportStreams {
  readonly #made = new WeakMap<Track, TransportStream[]>();

  /** That of these tracks; of one kind one. Undefined without any. */
  obtain(tracks: readonly Track[]): TransportStream | undefined {
    const [first] = tracks;
    if (first === undefined) return undefined;
    const made = this.#made.get(first) ?? [];
    this.#made.set(first, made);
    const known = made.find(
      (one) => one.tracks.length === tracks.length && tracks.every((track) => one.carries(track)),
    );
    if (known !== undefined) return known;
    const added = new TransportStream(tracks, made.length);
    made.push(added);
    return added;
  }
}

/** What a viewer's bytes depend on: its transport stream, whether it has the tables, and what goes on from what it has. */
export interface Place {
  transport: TransportStream | undefined;
  tables: boolean;
  video: boolean;
  audio: boolean;
}

export interface Batch extends Readonly<Pick<Place, 'video' | 'audio'>> {
  readonly bytes: Buffer;
}

/** The packets for units, shared by the viewers at one place. */
export class Batches extends core.Batches<Place, Batch> {
  constructor() {
    super({
      same: (kept, place) =>
        kept.transport === place.transport &&
        kept.tables === place.tables &&
        kept.video === place.video &&
        kept.audio === place.audio,
      keep: (place) => ({ ...place }),
      make: makeBatch,
    });
  }
}

function makeBatch(units: readonly QueuedUnit[], { transport, tables, video, audio }: Place): Batch {
  if (transport === undefined) throw new TypeError('media before its tracks');
  const has = { video, audio };
  const pieces: Buffer[] = tables ? [] : [transport.tables];
  /** Where packets stand that a viewer cannot expect from those before. */
  const breaks: number[] = [];
  let at = pieces[0]?.length ?? 0;
  for (let index = 0; index < units.length; index += 1) {
    const { unit } = units[index] as QueuedUnit;
    const packets = unit.as(transport.form);
    if (!has[unit.codec.kind]) breaks.push(at);
    has[unit.codec.kind] = true;
    pieces.push(packets);
    at += packets.length;
  }
  const only = pieces[0];
  if (pieces.length === 1 && breaks.length === 0 && only !== undefined) return { bytes: only, ...has };
  // One copy that all viewers at this place share, and that may be marked.
  const bytes = Buffer.concat(pieces, at);
  for (const start of breaks) markDiscontinuity(bytes, start);
  return { bytes, ...has };
}
