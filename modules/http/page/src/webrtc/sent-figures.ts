import type { Figures } from '../figures.ts';
import { Rate } from '../rate.ts';
import { codecOf, count, numberOf } from './received-figures.ts';

type Report = Readonly<Record<string, unknown>>;

/** Statistics of a connection that publishes (W3C webrtc-stats). */
export class SentFigures {
  readonly #connection: RTCPeerConnection;
  readonly #bytes = new Rate();
  readonly #frames = new Rate();

  constructor(connection: RTCPeerConnection) {
    this.#connection = connection;
  }

  async read(): Promise<Figures> {
    const stats = await this.#connection.getStats();
    let video: Report | undefined;
    let audio: Report | undefined;
    let roundTrip: number | undefined;
    let loss: number | undefined;
    stats.forEach((report: Report) => {
      if (report['type'] === 'outbound-rtp' && report['kind'] === 'video') video = report;
      if (report['type'] === 'outbound-rtp' && report['kind'] === 'audio') audio = report;
      if (report['type'] === 'candidate-pair' && report['nominated'] === true)
        roundTrip = numberOf(report, 'currentRoundTripTime');
      if (report['type'] === 'remote-inbound-rtp') loss = Math.max(loss ?? 0, count(report, 'fractionLost'));
    });
    const bytes = this.#bytes.read(count(video, 'bytesSent') + count(audio, 'bytesSent'));
    const limit = (video as Report | undefined)?.['qualityLimitationReason'];
    return {
      videoCodec: codecOf(stats, video),
      audioCodec: codecOf(stats, audio),
      width: numberOf(video, 'frameWidth'),
      height: numberOf(video, 'frameHeight'),
      frameRate: video === undefined ? undefined : this.#frames.read(count(video, 'framesEncoded')),
      bitrate: bytes === undefined ? undefined : bytes * 8,
      loss,
      roundTrip,
      limit: typeof limit === 'string' && limit !== 'none' ? limit : undefined,
    };
  }
}
