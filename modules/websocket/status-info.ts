import { isError } from '../../core/errors.ts';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import { WireError } from '../../wire/errors.ts';
import { type StreamStatus, streamInfo } from '../../wire/wcs/words.ts';
import type { WebRtcFailure } from '../webrtc/contract.ts';

/** Why a publish was refused, in the texts that clients compare. */
export function publishRefusal(error: unknown): string {
  if (isError(error, 'stream-name-taken')) return streamInfo.nameInUse;
  if (isError(error, 'access-refused')) return streamInfo.restricted;
  if (isError(error, 'codecs-do-not-match')) return streamInfo.noCodecs;
  if (isError(error, 'stream-name-invalid')) return streamInfo.badUri;
  if (isError(error, 'closed')) return streamInfo.user;
  return streamInfo.error;
}

/** Why a play was refused. `isScaled`: the player asked for a size or bit rate that the stream does not have. */
export function playRefusal(error: unknown, name: string, isScaled: boolean): string {
  const isUri = name.includes('://');
  if (isError(error, 'access-refused')) return streamInfo.restricted;
  if (isError(error, 'codecs-do-not-match')) return isScaled ? streamInfo.noTranscoding : streamInfo.noCodecs;
  if (isError(error, 'budget-spent')) return streamInfo.noTranscoders;
  if (isError(error, 'transcoder-failed')) return streamInfo.failed;
  if (isError(error, 'stream-name-invalid')) return isUri ? streamInfo.badUri : streamInfo.notFound;
  if (isError(error, 'stream-not-found') || isError(error, 'stream-ended')) return streamInfo.notFound;
  if (isError(error, 'stream-has-no-media')) return streamInfo.notReady;
  if (isError(error, 'closed')) return streamInfo.user;
  if (isError(error, 'source-failed') || isError(error, 'timed-out')) {
    return name.startsWith('rtsp') ? streamInfo.rtspConnect : streamInfo.originConnect;
  }
  return error instanceof WireError ? streamInfo.noCodecs : streamInfo.error;
}

/** What a client is told when a stream that it publishes or plays has ended. */
export function endOf(type: 'publish' | 'play', reason: CloseReason): { status: StreamStatus; info: string } {
  const stopped = type === 'publish' ? 'UNPUBLISHED' : 'STOPPED';
  switch (reason.code) {
    case 'done':
      return { status: stopped, info: streamInfo.user };
    case 'publisher-left':
      return { status: stopped, info: streamInfo.publisherStop };
    case 'terminated':
      return { status: stopped, info: streamInfo.restTerminate };
    case 'peer-left':
      return { status: stopped, info: streamInfo.sessionDisconnect };
    case 'shutdown':
    case 'restart':
      // Clients take the end of the connection that follows for a failure as well.
      return { status: 'FAILED', info: streamInfo.shutdown };
    case 'timeout':
      return { status: 'FAILED', info: streamInfo.keepAlive };
    default:
      return { status: 'FAILED', info: streamInfo.failed };
  }
}

const failures: Readonly<Record<WebRtcFailure, string>> = {
  'ice-timeout': streamInfo.iceTimeout,
  'ice-error': streamInfo.iceError,
  'ice-keep-alive': streamInfo.iceKeepAlive,
  'dtls-error': streamInfo.dtlsError,
  'dtls-fingerprint': streamInfo.dtlsFingerprint,
  'no-media': streamInfo.rtpActivity,
};

export function transportFailure(failure: WebRtcFailure): string {
  return failures[failure];
}
