import { service } from '../../core/modules/service.ts';

export interface RelayRequest {
  /** The name of the stream here. */
  readonly stream: string;
  /** `rtmp://host[:port]/app/name` or `rtmps://…` of the other server. */
  readonly url: string;
}

/** How a push or pull is doing. */
export interface RelayReport {
  readonly id: string;
  readonly kind: 'push' | 'pull';
  readonly stream: string;
  /** The other server and its application; without name and query, which are often a secret. */
  readonly target: string;
  /** `waiting`: for the stream, a viewer, or the next attempt. */
  readonly state: 'waiting' | 'connecting' | 'running';
  /** Attempts that failed since the last one that succeeded. */
  readonly failures: number;
  readonly lastError: string | undefined;
  /** Bytes of the connection that is open now. */
  readonly bytes: number;
}

/** Pushing streams to other RTMP servers and pulling from them. */
export interface RtmpRelays {
  /**
   * Hands a stream on whenever it is live, until `end`. Throws `stream-name-invalid`, `access-refused` for a target that the
   * configuration does not allow, `protocol-violation` for what is no RTMP URL.
   */
  startPush(request: RelayRequest): RelayReport;
  /** Fetches a stream whenever somebody wants it, until `end`. Throws as `startPush`, and `stream-name-taken`. */
  startPull(request: RelayRequest): RelayReport;
  /** False when there is none of that id. */
  end(id: string): boolean;
  list(): readonly RelayReport[];
}

export const RtmpRelays = service<RtmpRelays>('rtmp-relays');
