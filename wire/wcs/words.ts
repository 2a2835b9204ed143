/** Statuses of a stream, as clients compare them. */
export type StreamStatus = 'PENDING' | 'PUBLISHING' | 'PLAYING' | 'UNPUBLISHED' | 'STOPPED' | 'FAILED';

/** Why a stream is in its status: applications compare these texts letter by letter. */
export const streamInfo = {
  iceError: 'Failed by ICE error',
  iceTimeout: 'Failed by ICE timeout',
  iceKeepAlive: 'Failed by ICE keep alive',
  dtlsFingerprint: 'Failed by DTLS fingerprint error',
  dtlsError: 'Failed by DTLS error',
  rtpActivity: 'Failed by RTP activity',
  error: 'Failed by error',
  sessionDisconnect: 'Stopped by session disconnect',
  restTerminate: 'Stopped by rest /terminate',
  publisherStop: 'Stopped by publisher stop',
  user: 'Stopped by user',
  notReady: 'Publish stream is not ready',
  notFound: 'Stream not found',
  nameInUse: 'Stream name is already in use',
  idIsNull: 'MediaSessionId is null',
  idInUse: 'MediaSessionId is already in use',
  sessionNotReady: 'Session not ready',
  rtspConnect: 'Failed to connect to rtsp stream',
  originConnect: 'Failed to connect to origin stream',
  failed: 'Stream failed',
  noCodecs: 'No common codecs',
  badUri: 'Bad URI',
  shutdown: 'Requested stream shutdown',
  keepAlive: 'Terminated by keep-alive',
  noTranscoding: 'Transcoding required, but disabled',
  restricted: 'Restricted access',
  noTranscoders: 'No available transcoders',
} as const;

/** What a publisher tells its viewers, and a viewer hears. */
export const relayedEvents = ['audioMuted', 'audioUnmuted', 'videoMuted', 'videoUnmuted', 'data'] as const;
export type RelayedEvent = (typeof relayedEvents)[number];

export type StreamEvent = RelayedEvent | 'snapshotCompleted' | 'snapshotFailed' | 'resize' | 'notEnoughBandwidth';
