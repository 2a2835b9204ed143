// The values of HLS playlists: draft-pantos-hls-rfc8216bis, named RFC 8216bis in this folder. Durations are seconds,
// as in the text; six decimals are kept.

/** A slice of a resource, RFC 8216bis 4.4.4.2. Without `start` it goes on where the slice before ended. */
export interface ByteRange {
  readonly length: number;
  readonly start?: number;
}

/** The init segment of the segments from here on, RFC 8216bis 4.4.4.5. */
export interface InitSection {
  readonly uri: string;
  readonly byteRange?: ByteRange;
}

/** How segments from here on are encrypted, RFC 8216bis 4.4.4.4. */
export interface SegmentKey {
  /** NONE, AES-128, SAMPLE-AES, SAMPLE-AES-CTR. */
  readonly method: string;
  readonly uri?: string;
  /** 0x and 32 hexadecimal digits. */
  readonly iv?: string;
  readonly keyFormat?: string;
  readonly keyFormatVersions?: string;
}

/** A partial segment, RFC 8216bis 4.4.4.9. */
export interface PartialSegment {
  readonly uri: string;
  readonly duration: number;
  /** Starts with a picture that depends on none before. */
  readonly independent?: boolean;
  /** Announced, but not to be had. */
  readonly gap?: boolean;
  readonly byteRange?: ByteRange;
}

/** What can be said of a segment before it is whole: the live edge. The tags stand where they change, as in the text. */
export interface OpenSegment {
  /** Clocks, tracks or codecs start anew here. */
  readonly discontinuity?: boolean;
  /** Unix time of the first sample, in whole microseconds; the text carries milliseconds. */
  readonly programDateTime?: number;
  readonly key?: SegmentKey;
  readonly map?: InitSection;
  /** From here on, kilobits a second (RFC 8216bis 4.4.4.8). */
  readonly bitrate?: number;
  readonly parts?: readonly PartialSegment[];
}

export interface MediaSegment extends OpenSegment {
  readonly uri: string;
  readonly duration: number;
  readonly title?: string;
  readonly byteRange?: ByteRange;
  /** Must not be loaded (RFC 8216bis 4.4.4.7). */
  readonly gap?: boolean;
}

/** RFC 8216bis 4.4.3.8. */
export interface ServerControl {
  readonly canBlockReload?: boolean;
  /** Seconds before the edge that a delta update keeps; six target durations at least. */
  readonly canSkipUntil?: number;
  /** Three target durations at least. */
  readonly holdBack?: number;
  /** Two part targets at least, three are advised. Required when there are parts. */
  readonly partHoldBack?: number;
}

/** What stands before the segments. */
export type PlaylistHead = {
  /** EXT-X-VERSION; the writers raise it where a tag asks for more. */
  readonly version: number;
  /** Whole seconds; no segment's rounded duration may pass it. `targetDurationOf` finds it. */
  readonly targetDuration: number;
  readonly independentSegments?: boolean;
  /** Where players should start; negative counts from the end (RFC 8216bis 4.4.2.2). */
  readonly start?: { readonly offset: number; readonly precise?: boolean };
  readonly serverControl?: ServerControl;
  /** Longest part. Its presence makes the playlist a low-latency one. */
  readonly partTarget?: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly playlistType?: 'EVENT' | 'VOD';
  readonly iFramesOnly?: boolean;
  /** Makes a delta update: so many of the oldest segments are left out (RFC 8216bis 4.4.5.2). */
  readonly skippedSegments?: number;
};

/** RFC 8216bis 4.4.5.3. */
export interface PreloadHint {
  readonly type: 'PART' | 'MAP';
  readonly uri: string;
  readonly byteRangeStart?: number;
  readonly byteRangeLength?: number;
}

/** Where another rendition's playlist stands now, RFC 8216bis 4.4.5.4. */
export interface RenditionReport {
  readonly uri: string;
  readonly lastMsn?: number;
  readonly lastPart?: number;
}

/** What stands behind the segments. */
export interface PlaylistTail {
  readonly preloadHints: readonly PreloadHint[];
  readonly renditionReports: readonly RenditionReport[];
  readonly endList: boolean;
}

export type MediaPlaylist = PlaylistHead &
  PlaylistTail & {
    readonly segments: readonly MediaSegment[];
    /** The segment that is still being made. */
    readonly open?: OpenSegment;
  };

/** RFC 8216bis 4.4.6.1. */
export type MediaRendition = {
  readonly type: 'AUDIO' | 'VIDEO' | 'SUBTITLES' | 'CLOSED-CAPTIONS';
  readonly groupId: string;
  readonly name: string;
  /** Absent: the media is in the variant's own stream. */
  readonly uri?: string;
  /** RFC 5646. */
  readonly language?: string;
  readonly isDefault?: boolean;
  readonly autoselect?: boolean;
  readonly forced?: boolean;
  /** Count first: '2', '6', '12/JOC'. */
  readonly channels?: string;
  readonly instreamId?: string;
  readonly characteristics?: string;
};

/** RFC 8216bis 4.4.6.2. */
export type Variant = {
  readonly uri: string;
  /** Peak, bits a second. */
  readonly bandwidth: number;
  readonly averageBandwidth?: number;
  /** RFC 6381, comma between. */
  readonly codecs?: string;
  readonly resolution?: { readonly width: number; readonly height: number };
  /** Highest, three decimals. */
  readonly frameRate?: number;
  /** Group ids of renditions. */
  readonly audio?: string;
  readonly video?: string;
  readonly subtitles?: string;
  /** A group id, or 'NONE'. */
  readonly closedCaptions?: string;
};

export interface MultivariantPlaylist {
  readonly version: number;
  readonly independentSegments?: boolean;
  readonly media: readonly MediaRendition[];
  readonly variants: readonly Variant[];
}

/** Which protocol version a media playlist needs, RFC 8216bis 8. */
export function minimumVersion(uses: {
  readonly byteRange?: boolean;
  readonly map?: boolean;
  readonly skip?: boolean;
}): number {
  if (uses.skip === true) return 9;
  if (uses.map === true) return 6;
  return uses.byteRange === true ? 4 : 3; // 3: durations with decimals
}

/** EXT-X-TARGETDURATION of segments of which none is longer than `seconds` (RFC 8216bis 4.4.3.1: rounded, not up). */
export function targetDurationOf(seconds: number): number {
  return Math.max(1, Math.round(seconds));
}
