import { service } from '../../core/modules/service.ts';

export interface RtspAgentRequest {
  /** `rtsp://[user:password@]host[:port]/path` of the camera or server, or `rtsps://…`. */
  readonly uri: string;
  /** The name of the stream here; the URI itself when not told. */
  readonly stream?: string;
}

/** How a fetched stream is doing. */
export interface RtspAgentReport {
  readonly id: string;
  readonly stream: string;
  /** Without user and password. */
  readonly uri: string;
  /** `waiting`: for a viewer, or the next attempt. */
  readonly state: 'waiting' | 'connecting' | 'running';
  /** Attempts that failed since the last one that succeeded. */
  readonly failures: number;
  readonly lastError: string | undefined;
}

/** Fetching streams from cameras and other RTSP servers. */
export interface RtspAgents {
  /**
   * Fetches a stream from now on, until `end`, whether or not somebody watches. Throws `stream-name-invalid`, `stream-name-taken`,
   * `access-refused` for a target that the configuration does not allow, `protocol-violation` for what is no RTSP URL.
   */
  start(request: RtspAgentRequest): RtspAgentReport;
  /** False when there is none of that id. */
  end(id: string): boolean;
  list(): readonly RtspAgentReport[];
}

export const RtspAgents = service<RtspAgents>('rtsp-agents');
