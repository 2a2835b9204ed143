import type { Figures } from '../figures.ts';
import { mimeName } from '../format.ts';
import { Rate } from '../rate.ts';

type Report = Readonly<Record<string, unknown>>;

/** Statistics of a connection that plays (W3C webrtc-stats). */
export class ReceivedFigures {
  readonly #connection: RTCPeerConnection;
  readonly #bytes = new Rate();
  readonly #frames = new Rate();
  readonly #received = new Rate();
  readonly #lost = new Rate();
  #played = { delay: 0, count: 0 };
  #delay: number | undefined;

  constructor(connection: RTCPeerConnection) {
    this.#connection = connection;
  }

  /** Whether media has come: pictures where there is a picture, else sound. */
  async hasBegun(): Promise<boolean> {
    const { video, audio } = pick(await this.#connection.getStats());
    const hasVideo = this.#connection
      .getTransceivers()
      .some(({ receiver, currentDirection }) => receiver.track.kind === 'video' && currentDirection === 'recvonly');
    return hasVideo ? count(video, 'framesDecoded') > 0 : count(audio, 'packetsReceived') > 0;
  }

  async read(): Promise<Figures> {
    const stats = await this.#connection.getStats();
    const { video, audio, roundTrip } = pick(stats);
    const sum = (key: string): number => count(video, key) + count(audio, key);
    const received = this.#received.read(sum('packetsReceived'));
    const lost = this.#lost.read(sum('packetsLost'));
    const bytes = this.#bytes.read(sum('bytesReceived'));
    const delay = this.#readDelay(video, audio);
    return {
      videoCodec: codecOf(stats, video),
      audioCodec: codecOf(stats, audio),
      width: numberOf(video, 'frameWidth'),
      height: numberOf(video, 'frameHeight'),
      frameRate: video === undefined ? undefined : this.#frames.read(count(video, 'framesDecoded')),
      bitrate: bytes === undefined ? undefined : bytes * 8,
      loss: received === undefined || lost === undefined ? undefined : lost / Math.max(1, received + lost),
      freezes: numberOf(video, 'freezeCount'),
      roundTrip,
      latency: delay === undefined ? undefined : delay + (roundTrip ?? 0) / 2,
    };
  }

  /**
   * Seconds from the arrival of media to its being played, of what was played since the last look: for pictures the jitter
   * buffer and the decoder, for sound the jitter buffer.
   */
  #readDelay(video: Report | undefined, audio: Report | undefined): number | undefined {
    const hasTotal = numberOf(video, 'totalProcessingDelay') !== undefined;
    const now = hasTotal
      ? { delay: count(video, 'totalProcessingDelay'), count: count(video, 'framesDecoded') }
      : {
          delay: count(video ?? audio, 'jitterBufferDelay'),
          count: count(video ?? audio, 'jitterBufferEmittedCount'),
        };
    const played = now.count - this.#played.count;
    if (played > 0) this.#delay = (now.delay - this.#played.delay) / played;
    this.#played = now;
    return this.#delay;
  }
}

function pick(stats: RTCStatsReport): { video?: Report; audio?: Report; roundTrip?: number } {
  const found: { video?: Report; audio?: Report; roundTrip?: number } = {};
  stats.forEach((report: Report) => {
    if (report['type'] === 'inbound-rtp' && (report['kind'] === 'video' || report['kind'] === 'audio')) {
      found[report['kind']] = report;
    }
    if (report['type'] === 'candidate-pair' && report['nominated'] === true) {
      const roundTrip = numberOf(report, 'currentRoundTripTime');
      if (roundTrip !== undefined) found.roundTrip = roundTrip;
    }
  });
  return found;
}

/** `H.264` of `video/H264`, by the codec that a report names. */
export function codecOf(stats: RTCStatsReport, report: Report | undefined): string | undefined {
  const codec = stats.get(String(report?.['codecId'])) as Report | undefined;
  return typeof codec?.['mimeType'] === 'string' ? mimeName(codec['mimeType']) : undefined;
}

export function numberOf(report: Report | undefined, key: string): number | undefined {
  const value = report?.[key];
  return typeof value === 'number' ? value : undefined;
}

export function count(report: Report | undefined, key: string): number {
  return numberOf(report, key) ?? 0;
}
