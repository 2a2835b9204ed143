import { ReceivedFigures } from '../webrtc/received-figures.ts';
import { playFault, Refusal } from '../webrtc/refusal.ts';
import { SignalledSession } from '../webrtc/signalled-session.ts';
import { beginPlaying, emptyElement } from './element-counts.ts';
import type { Playback, PlaybackListener } from './playback.ts';

/** How long the first picture may take. */
const beginMs = 6_000;
/** How long a connection may be silent before another path is tried, and how long that may take. */
const silentMs = 2_000;
const restartMs = 4_000;
const lookMs = 250;

/** WebRTC, signalled by WHEP at `url`. */
export function playWebRtc(element: HTMLVideoElement, url: string, listener: PlaybackListener): Playback {
  const playback = new WebRtcPlayback(element, listener);
  void playback.open(url);
  return playback;
}

class WebRtcPlayback implements Playback {
  readonly #element: HTMLVideoElement;
  readonly #listener: PlaybackListener;
  readonly #connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  readonly #figures = new ReceivedFigures(this.#connection);
  readonly #ending = new AbortController();
  #session: SignalledSession | undefined;
  #silence: number | undefined;

  constructor(element: HTMLVideoElement, listener: PlaybackListener) {
    this.#element = element;
    this.#listener = listener;
  }

  async open(url: string): Promise<void> {
    const connection = this.#connection;
    const { signal } = this.#ending;
    const media = new MediaStream();
    connection.addTransceiver('video', { direction: 'recvonly' });
    connection.addTransceiver('audio', { direction: 'recvonly' });
    connection.addEventListener('track', ({ track }) => media.addTrack(track), { signal });
    connection.addEventListener('connectionstatechange', () => this.#judge(), { signal });
    this.#element.addEventListener('waiting', () => this.#listener.onWaiting(), { signal });
    this.#element.addEventListener('playing', () => this.#listener.onPlaying(), { signal });
    this.#element.srcObject = media;
    beginPlaying(this.#element);
    try {
      this.#session = await SignalledSession.open(connection, { url, token: undefined }, signal);
      if (signal.aborted) return this.#session.end();
      if (await this.#sees(beginMs)) this.#listener.onPlaying();
      else this.#fail('no picture came');
    } catch (error) {
      this.#fail(playFault(error), error instanceof Refusal && error.isFinal);
    }
  }

  readFigures() {
    return this.#figures.read();
  }

  close(): void {
    clearTimeout(this.#silence);
    this.#ending.abort();
    if (this.#session === undefined) this.#connection.close();
    else this.#session.end();
    emptyElement(this.#element);
  }

  /** Whether media comes within `ms`. */
  async #sees(ms: number): Promise<boolean> {
    for (let waited = 0; waited < ms && !this.#ending.signal.aborted; waited += lookMs) {
      await new Promise((resolve) => setTimeout(resolve, lookMs));
      if (await this.#figures.hasBegun()) return true;
    }
    return this.#ending.signal.aborted;
  }

  #judge(): void {
    clearTimeout(this.#silence);
    const { connectionState } = this.#connection;
    if (connectionState === 'connected') this.#listener.onPlaying();
    else if (connectionState === 'disconnected') this.#silence = setTimeout(() => void this.#restart(), silentMs);
    else if (connectionState === 'failed' || connectionState === 'closed') this.#fail('the connection was lost');
  }

  /** The network may have changed under us. */
  async #restart(): Promise<void> {
    this.#silence = setTimeout(() => this.#fail('the connection was lost'), restartMs);
    try {
      await this.#session?.restart();
    } catch {
      // Whatever kept it from restarting: to the viewer the connection is lost.
      this.#fail('the connection was lost');
    }
  }

  #fail(fault: string, isFinal = false): void {
    if (!this.#ending.signal.aborted) this.#listener.onFailure({ fault, isFinal });
  }
}
