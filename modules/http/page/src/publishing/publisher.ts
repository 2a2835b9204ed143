import type { Figures } from '../figures.ts';
import { publishFault, Refusal } from '../webrtc/refusal.ts';
import { SentFigures } from '../webrtc/sent-figures.ts';
import { SignalledSession } from '../webrtc/signalled-session.ts';
import { type CaptureSettings, capture, release } from './capture.ts';

export interface PublishSettings extends CaptureSettings {
  readonly name: string;
  /** `video/H264`; undefined takes what server and browser like best. */
  readonly codec: string | undefined;
  /** Bits a second of the picture; undefined takes what the way bears. */
  readonly bitrate: number | undefined;
  readonly token: string | undefined;
}

export interface PublisherState {
  readonly phase: 'idle' | 'asking' | 'connecting' | 'live' | 'reconnecting';
  readonly name: string;
  readonly media: MediaStream | undefined;
  readonly figures: Figures;
  /** Why it ended by itself. */
  readonly fault: string | undefined;
  readonly wantsToken: boolean;
}

export const idle: PublisherState = {
  phase: 'idle',
  name: '',
  media: undefined,
  figures: {},
  fault: undefined,
  wantsToken: false,
};

const readMs = 1_000;
const connectMs = 10_000;
const silentMs = 2_000;
const lost = 'The connection to the server was lost.';

/** Camera or screen → WHIP. One publication: from `start` until `stop` or an end of its own; told by `tell`. */
export class Publisher {
  readonly #settings: PublishSettings;
  readonly #tell: (change: Partial<PublisherState>) => void;
  readonly #connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  readonly #figures = new SentFigures(this.#connection);
  readonly #ending = new AbortController();
  #media: MediaStream | undefined;
  #session: SignalledSession | undefined;
  #reading: number | undefined;
  #patience: number | undefined;

  constructor(settings: PublishSettings, tell: (change: Partial<PublisherState>) => void) {
    this.#settings = settings;
    this.#tell = tell;
  }

  /** capture → offer → answer → media flows */
  async start(): Promise<void> {
    const { name, token } = this.#settings;
    const { signal } = this.#ending;
    this.#tell({ ...idle, phase: 'asking', name });
    try {
      const media = await capture(this.#settings);
      // Stopped while the user was asked.
      if (signal.aborted) return release(media);
      this.#media = media;
      this.#tell({ phase: 'connecting', media });
      await this.#addTracks(media);
      this.#connection.addEventListener('connectionstatechange', () => this.#judge(), { signal });
      const url = `./whip/${encodeURIComponent(name)}`;
      this.#session = await SignalledSession.open(this.#connection, { url, token }, signal);
      if (signal.aborted) return this.#session.end();
      this.#patience ??= setTimeout(() => this.#fail('No connection for the media could be made.'), connectMs);
      this.#judge();
      this.#reading = setInterval(() => void this.#read(), readMs);
    } catch (error) {
      this.#fail(publishFault(error, name), error instanceof Refusal && error.wantsToken);
    }
  }

  /** Gives camera, screen and microphone back, and tells the server, even while the page is being left. */
  stop(): void {
    if (this.#ending.signal.aborted) return;
    this.#end();
    this.#tell(idle);
  }

  async #addTracks(media: MediaStream): Promise<void> {
    const { codec, bitrate } = this.#settings;
    for (const track of media.getTracks()) {
      track.addEventListener('ended', () => this.#noteEnded(), { signal: this.#ending.signal });
      const isVideo = track.kind === 'video';
      const sendEncodings = isVideo && bitrate !== undefined ? [{ maxBitrate: bitrate }] : [{}];
      const transceiver = this.#connection.addTransceiver(track, {
        direction: 'sendonly',
        streams: [media],
        sendEncodings,
      });
      if (isVideo && codec !== undefined) prefer(transceiver, codec);
    }
  }

  /** A screen that is no longer shared, a camera that was unplugged. */
  #noteEnded(): void {
    const tracks = this.#media?.getTracks() ?? [];
    const video = tracks.filter(({ kind }) => kind === 'video');
    if ((video.length > 0 ? video : tracks).some(({ readyState }) => readyState === 'live')) return;
    if (this.#settings.source === 'screen') this.stop();
    else this.#fail('The camera or microphone was taken away.');
  }

  #judge(): void {
    const { connectionState } = this.#connection;
    if (connectionState === 'connected') {
      this.#wait(undefined);
      this.#tell({ phase: 'live' });
    } else if (connectionState === 'disconnected') this.#wait(() => void this.#restart(), silentMs);
    else if (connectionState === 'failed') void this.#restart();
    else if (connectionState === 'closed') this.#fail(lost);
  }

  /** The network may have changed under us: the session is asked for another path. */
  async #restart(): Promise<void> {
    this.#wait(() => this.#fail(lost), connectMs);
    this.#tell({ phase: 'reconnecting' });
    try {
      await this.#session?.restart();
    } catch (error) {
      this.#fail(error instanceof Refusal && error.status === 404 ? 'The server has ended the stream.' : lost);
    }
  }

  #wait(run: (() => void) | undefined, ms = 0): void {
    clearTimeout(this.#patience);
    this.#patience = run === undefined ? undefined : setTimeout(run, ms);
  }

  async #read(): Promise<void> {
    // A connection that closes meanwhile tells none; what ends it is told elsewhere.
    const figures = await this.#figures.read().catch(() => undefined);
    if (figures !== undefined && !this.#ending.signal.aborted) this.#tell({ figures });
  }

  #fail(fault: string, wantsToken = false): void {
    if (this.#ending.signal.aborted) return;
    this.#end();
    this.#tell({ ...idle, name: this.#settings.name, fault, wantsToken });
  }

  #end(): void {
    this.#ending.abort();
    this.#wait(undefined);
    clearInterval(this.#reading);
    if (this.#session === undefined) this.#connection.close();
    else this.#session.end();
    if (this.#media !== undefined) release(this.#media);
  }
}

/** Only what was chosen is offered, with what belongs to every codec. */
function prefer(transceiver: RTCRtpTransceiver, codec: string): void {
  const known = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const chosen = known.filter(({ mimeType }) => mimeType === codec || /\/rtx$/.test(mimeType));
  transceiver.setCodecPreferences(chosen);
}

/** Mime types of what this browser can publish, in its own order. */
export function videoCodecs(): readonly string[] {
  const known = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const types = known.map(({ mimeType }) => mimeType).filter((type) => !/\/(rtx|red|ulpfec|flexfec-\d+)$/.test(type));
  return [...new Set(types)];
}
