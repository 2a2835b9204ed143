/**
 * WHIP and WHEP by @roamhq/wrtc, the WebRTC of Chromium as a library of its own, in a process of its own:
 * `whip URL` publishes pictures that bear a number and a tone of 1 kHz until it is ended;
 * `whep URL PICTURES` plays so many pictures and tells, as JSON, what it saw: a `WrtcReport`.
 */
import { createRequire } from 'node:module';

/** Pictures are I420. */
interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

interface Sound {
  readonly samples: Int16Array;
  readonly sampleRate: number;
  readonly channelCount: number;
}

interface Track {
  readonly kind: 'video' | 'audio';
}

interface PeerConnection {
  readonly connectionState: string;
  readonly localDescription: { readonly sdp: string };
  ontrack: (event: { readonly track: Track }) => void;
  addTransceiver(what: Track | string, options: { direction: string }): void;
  createOffer(): Promise<object>;
  setLocalDescription(description: object): Promise<void>;
  setRemoteDescription(description: object): Promise<void>;
  close(): void;
}

interface Wrtc {
  readonly RTCPeerConnection: new () => PeerConnection;
  readonly nonstandard: {
    readonly RTCVideoSource: new () => { createTrack(): Track; onFrame(picture: Picture): void };
    readonly RTCAudioSource: new () => { createTrack(): Track; onData(sound: Sound): void };
    readonly RTCVideoSink: new (track: Track) => { onframe: (event: { frame: Picture }) => void };
    readonly RTCAudioSink: new (track: Track) => { ondata: (sound: Sound) => void };
  };
}

export interface WrtcReport {
  /** Numbers of pictures, in their order; -1 for one that cannot be read. */
  readonly numbers: readonly number[];
  readonly width: number;
  readonly height: number;
  /** Of the sound of the last second, Hz. */
  readonly pitch: number;
}

const { RTCPeerConnection, nonstandard } = createRequire(import.meta.url)('@roamhq/wrtc') as Wrtc;
const [role, url = '', wanted = '0'] = process.argv.slice(2);
const width = 320;
const height = 180;
/** Bars of light and dark from the left: the bits of the number, the lowest first, and their parity. */
const bars = 12;
const barWidth = Math.floor(width / (bars + 1));

function paint(number: number): Picture {
  const data = new Uint8ClampedArray((width * height * 3) / 2).fill(128);
  let parity = 0;
  for (let bar = 0; bar <= bars; bar += 1) {
    const bit = bar < bars ? (number >> bar) & 1 : parity;
    parity ^= bit;
    const shade = bit === 1 ? 220 : 30;
    for (let row = 0; row < height; row += 1) {
      data.fill(shade, row * width + bar * barWidth, row * width + (bar + 1) * barWidth);
    }
  }
  return { width, height, data };
}

function readNumber({ width: across, height: down, data }: Picture): number {
  const bar = Math.floor(across / (bars + 1));
  let number = 0;
  let parity = 0;
  for (let index = 0; index <= bars; index += 1) {
    const bit = (data[(down >> 1) * across + index * bar + (bar >> 1)] ?? 0) > 128 ? 1 : 0;
    if (index < bars) number |= bit << index;
    parity ^= bit;
  }
  return parity === 0 ? number : -1;
}

async function exchange(pc: PeerConnection): Promise<void> {
  await pc.setLocalDescription(await pc.createOffer());
  const headers = { 'content-type': 'application/sdp' };
  const response = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
  const sdp = await response.text();
  if (response.status !== 201) throw new Error(`${response.status} ${sdp}`);
  await pc.setRemoteDescription({ type: 'answer', sdp });
}

async function publish(): Promise<void> {
  const pc = new RTCPeerConnection();
  const video = new nonstandard.RTCVideoSource();
  const audio = new nonstandard.RTCAudioSource();
  pc.addTransceiver(video.createTrack(), { direction: 'sendonly' });
  pc.addTransceiver(audio.createTrack(), { direction: 'sendonly' });
  await exchange(pc);
  const sampleRate = 48_000;
  let sent = 0;
  const began = performance.now();
  setInterval(() => {
    // Ten milliseconds at a time, as it takes them.
    for (; sent * 10 < performance.now() - began; sent += 1) {
      const samples = Int16Array.from({ length: 480 }, (_, index) =>
        Math.round(8_000 * Math.sin((2 * Math.PI * 1_000 * (sent * 480 + index)) / sampleRate)),
      );
      audio.onData({ samples, sampleRate, channelCount: 1 });
      if (sent % 4 === 0) video.onFrame(paint(sent / 4));
    }
  }, 5);
}

async function play(): Promise<void> {
  const pc = new RTCPeerConnection();
  const numbers: number[] = [];
  let size = { width: 0, height: 0 };
  let pitch = 0;
  let enough: () => void = () => undefined;
  const seen = new Promise<void>((resolve) => {
    enough = resolve;
  });
  pc.ontrack = ({ track }) => {
    if (track.kind === 'video') {
      new nonstandard.RTCVideoSink(track).onframe = ({ frame }) => {
        numbers.push(readNumber(frame));
        size = { width: frame.width, height: frame.height };
        if (numbers.length >= Number(wanted) && pitch > 0) enough();
      };
    } else {
      const ear = new Ear();
      new nonstandard.RTCAudioSink(track).ondata = (sound) => {
        pitch = ear.hear(sound);
      };
    }
  };
  pc.addTransceiver('video', { direction: 'recvonly' });
  pc.addTransceiver('audio', { direction: 'recvonly' });
  await exchange(pc);
  await seen;
  const report: WrtcReport = { numbers, ...size, pitch };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}

/** Counts the swings of a second. */
class Ear {
  #last = 0;
  #swings = 0;
  #heard = 0;
  #pitch = 0;

  hear({ samples, sampleRate, channelCount }: Sound): number {
    for (let index = 0; index < samples.length; index += channelCount) {
      const sample = samples[index] ?? 0;
      if (this.#last < 0 && sample >= 0) this.#swings += 1;
      this.#last = sample;
      this.#heard += 1;
      if (this.#heard < sampleRate) continue;
      this.#pitch = this.#swings;
      this.#heard = 0;
      this.#swings = 0;
    }
    return this.#pitch;
  }
}

await (role === 'whip' ? publish() : play());
