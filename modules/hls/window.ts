import { Buffer } from 'node:buffer';
import { type Micros, ZERO } from '../../core/time/micros.ts';

/** An init section. */
export interface InitFile {
  readonly uri: string;
  readonly body: Buffer;
}

export interface PartFile {
  readonly uri: string;
  readonly duration: Micros;
  readonly independent: boolean;
  body: Buffer;
}

export class SegmentFile {
  readonly msn: number;
  readonly uri: string;
  readonly map: InitFile | undefined;
  readonly discontinuity: boolean;
  /** Unix time of its first sample. */
  readonly wall: Micros;
  readonly parts: PartFile[] = [];
  duration: Micros = ZERO;
  bytes = 0;
  finished = false;
  /** Its lines in a playlist, kept while they stay the same. */
  text: { readonly form: number; readonly lines: string } | undefined;
  #joined: Buffer | undefined;

  constructor(details: Pick<SegmentFile, 'msn' | 'uri' | 'map' | 'discontinuity' | 'wall'>) {
    this.msn = details.msn;
    this.uri = details.uri;
    this.map = details.map;
    this.discontinuity = details.discontinuity;
    this.wall = details.wall;
  }

  add(part: PartFile): void {
    this.parts.push(part);
    this.duration = (this.duration + part.duration) as Micros;
    this.bytes += part.body.length;
  }

  /** The whole of a finished segment in one buffer: joined when first asked for; its parts become views of it. */
  get body(): Buffer {
    if (this.#joined !== undefined) return this.#joined;
    const joined = Buffer.concat(
      this.parts.map((part) => part.body),
      this.bytes,
    );
    let offset = 0;
    for (const part of this.parts) {
      part.body = joined.subarray(offset, offset + part.body.length);
      offset += part.body.length;
    }
    this.#joined = joined;
    return joined;
  }
}

/** What all playlists may keep together. */
export interface MemoryBudget {
  used: number;
  readonly total: number;
}

export interface WindowSettings {
  /** Finished segments that a playlist lists. */
  readonly listSize: number;
  /** Bytes of this playlist. */
  readonly bytes: number;
  readonly firstMsn: number;
}

export type ServedFile = InitFile | PartFile | SegmentFile;

/** A playlist with fewer cannot be played (RFC 8216bis 6.2.2). */
const fewestListed = 3;

/**
 * The segments that can be loaded, oldest first. Those that left the list are kept as long as a player with an older
 * list may ask for them (RFC 8216bis 6.2.2), while there is memory.
 */
export class Window {
  /** Finished and listed. */
  readonly listed: SegmentFile[] = [];
  /** The segment that is being made. */
  open: SegmentFile | undefined;
  /** Discontinuities that have left the list. */
  discontinuitySequence = 0;
  bytes = 0;
  readonly #retired: SegmentFile[] = [];
  readonly #files = new Map<string, ServedFile>();
  readonly #settings: WindowSettings;
  readonly #budget: MemoryBudget;
  #nextMsn: number;

  constructor(settings: WindowSettings, dependencies: { budget: MemoryBudget }) {
    this.#settings = settings;
    this.#budget = dependencies.budget;
    this.#nextMsn = settings.firstMsn;
  }

  find(uri: string): ServedFile | undefined {
    return this.#files.get(uri);
  }

  /** The number that the open segment has, or the next one will. */
  get edgeMsn(): number {
    return this.open?.msn ?? this.#nextMsn;
  }

  addInit(init: InitFile): void {
    this.#files.set(init.uri, init);
    this.#count(init.body.length);
  }

  begin(details: Pick<SegmentFile, 'uri' | 'map' | 'discontinuity' | 'wall'>): SegmentFile {
    const segment = new SegmentFile({ ...details, msn: this.#nextMsn });
    this.#nextMsn += 1;
    this.open = segment;
    this.#files.set(segment.uri, segment);
    return segment;
  }

  addPart(segment: SegmentFile, part: PartFile): void {
    segment.add(part);
    this.#files.set(part.uri, part);
    this.#count(part.body.length);
  }

  finish(): SegmentFile | undefined {
    const segment = this.open;
    if (segment === undefined) return undefined;
    this.open = undefined;
    segment.finished = true;
    this.listed.push(segment);
    while (this.listed.length > this.#settings.listSize) this.#retire();
    this.#trim();
    return segment;
  }

  /** Lets go of everything. */
  clear(): void {
    this.listed.length = 0;
    this.#retired.length = 0;
    this.open = undefined;
    this.#files.clear();
    this.#count(-this.bytes);
  }

  #retire(): void {
    const segment = this.listed.shift();
    if (segment === undefined) return;
    segment.text = undefined;
    this.#retired.push(segment);
    if (segment.discontinuity) this.discontinuitySequence += 1;
  }

  #trim(): void {
    while (this.#retired.length > this.#settings.listSize) this.#drop();
    while (this.#isOver()) {
      if (this.#retired.length === 0) {
        if (this.listed.length <= fewestListed) return;
        this.#retire();
      }
      this.#drop();
    }
  }

  #isOver(): boolean {
    return this.bytes > this.#settings.bytes || this.#budget.used > this.#budget.total;
  }

  #drop(): void {
    const segment = this.#retired.shift();
    if (segment === undefined) return;
    this.#files.delete(segment.uri);
    for (const part of segment.parts) this.#files.delete(part.uri);
    this.#count(-segment.bytes);
    const map = segment.map;
    if (map === undefined || this.#uses(map)) return;
    this.#files.delete(map.uri);
    this.#count(-map.body.length);
  }

  #uses(map: InitFile): boolean {
    const next = this.#retired[0] ?? this.listed[0] ?? this.open;
    return next === undefined || next.map === map;
  }

  #count(bytes: number): void {
    this.bytes += bytes;
    this.#budget.used += bytes;
  }
}
