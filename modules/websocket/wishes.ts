import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { TrackWish } from '../../core/streams/requests.ts';
import type { Stream } from '../../core/streams/stream.ts';
import type { StreamRequest } from '../../wire/wcs/client-message.ts';

/** What a player asked the picture to be. Pixels, bits a second. */
export interface PictureWish {
  readonly width?: number;
  readonly height?: number;
  readonly bitrate?: number;
}

const kilobit = 1_000;
/** A stream within so much of the bit rate that was asked for has it. */
const tolerance = 1.1;

/** The wish, without a bit rate that the stream keeps anyway: what is equal to the source costs nothing. */
export function pictureWish(request: StreamRequest, stream: Stream | undefined): PictureWish {
  const asked = request.bitrate ?? request.maxBitrate;
  const bitrate = asked === undefined || keeps(stream, asked * kilobit) ? undefined : asked * kilobit;
  return {
    ...(request.width === undefined ? {} : { width: request.width }),
    ...(request.height === undefined ? {} : { height: request.height }),
    ...(bitrate === undefined ? {} : { bitrate }),
  };
}

function keeps(stream: Stream | undefined, bitrate: number): boolean {
  const track = stream?.findTrack('video');
  const duration = track?.lastDts ?? 0;
  return track !== undefined && duration > 0 && (track.counters.bytes * 8e6) / duration <= bitrate * tolerance;
}

/** H.264 without B-frames, which the player would show in the wrong order, and AAC. */
export function mediaSourceWishes(picture: PictureWish, request: StreamRequest): readonly TrackWish[] {
  const video: CodecTarget = { codec: 'h264', noBFrames: true, ...picture };
  return [
    ...(request.hasVideo ? [{ kind: 'video', accepts: [video] } as const] : []),
    ...(request.hasAudio ? [{ kind: 'audio', accepts: [{ codec: 'aac' }], optional: true } as const] : []),
  ];
}

/** The same for a stream that does not say whether it has B-frames, where nothing can remove them: most have none. */
export function trustingWishes(
  wishes: readonly TrackWish[],
  stream: Stream | undefined,
): readonly TrackWish[] | undefined {
  const codec = stream?.findTrack('video')?.codec;
  if (codec?.name !== 'h264' || codec.bFrames !== undefined) return undefined;
  return wishes.map((wish) =>
    wish.kind === 'video' ? { ...wish, accepts: wish.accepts.map(({ noBFrames: _, ...target }) => target) } : wish,
  );
}
