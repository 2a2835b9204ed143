import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { clockBits, clockSize } from './clock-page.ts';

const frameRate = 30;
const sampleRate = 48_000;
const { width, height, bars } = clockSize;

/** How the beeps are coded; without, there are none. */
export type ClockSound = keyof typeof encoders | undefined;

const encoders = {
  'AAC to Opus': ['-c:a', 'aac', '-b:a', '96k'],
  'G.711': ['-c:a', 'pcm_mulaw', '-ar', '8000'],
};

/**
 * Pictures of a clock and a beep at each whole second, drawn here and published over RTMP by ffmpeg, in H.264. With sound, ffmpeg
 * holds each picture back until the sound of its time is coded too.
 */
export class ClockPublisher {
  readonly #child: ChildProcess;
  readonly #timer: NodeJS.Timeout;

  constructor(url: string, sound: ClockSound) {
    const hasSound = sound !== undefined;
    this.#child = spawn(
      'ffmpeg',
      [
        ...['-hide_banner', '-loglevel', 'error', '-fflags', 'nobuffer', '-probesize', '32', '-analyzeduration', '0'],
        ...[
          '-f',
          'rawvideo',
          '-pix_fmt',
          'yuv420p',
          '-s',
          `${width}x${height}`,
          '-r',
          String(frameRate),
          '-i',
          'pipe:0',
        ],
        ...(hasSound ? ['-f', 's16le', '-ar', String(sampleRate), '-ac', '1', '-i', 'pipe:3'] : []),
        ...['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-g', '30', '-bf', '0', '-b:v', '2M'],
        ...(hasSound ? encoders[sound] : []),
        ...['-flush_packets', '1', '-f', 'flv', url],
      ],
      { stdio: ['pipe', 'ignore', 'inherit', 'pipe'] },
    );
    const pictures = this.#child.stdin as Writable;
    const sounds = this.#child.stdio[3] as Writable;
    for (const pipe of [pictures, sounds]) pipe.on('error', () => undefined);
    const began = Date.now();
    let frames = 0;
    let samples = 0;
    this.#timer = setInterval(() => {
      const passed = Date.now() - began;
      for (; (frames * 1_000) / frameRate <= passed; frames += 1) {
        pictures.write(paint(Math.round(began + (frames * 1_000) / frameRate), frames));
      }
      const due = Math.floor((passed * sampleRate) / 1_000);
      if (hasSound && due > samples) sounds.write(beep(began, samples, due));
      samples = Math.max(samples, due);
    }, 2);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#child.kill('SIGKILL');
  }
}

function paint(time: number, frame: number): Buffer {
  const picture = Buffer.alloc((width * height * 3) / 2, 128);
  const row = Buffer.alloc(width);
  let parity = 0;
  for (let bar = 0; bar <= clockBits; bar += 1) {
    const bit = bar < clockBits ? Math.floor(time / 2 ** bar) % 2 : parity;
    parity ^= bit;
    const edge = (index: number): number => Math.round((index * width) / (clockBits + 1));
    row.fill(bit === 1 ? 235 : 16, edge(bar), edge(bar + 1));
  }
  for (let line = 0; line < bars; line += 1) row.copy(picture, line * width);
  for (let line = 150; line < 240; line += 1) {
    const left = (frame * 7) % (width - 90);
    picture.fill(30, line * width + left, line * width + left + 90);
  }
  return picture;
}

function beep(began: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc((to - from) * 2);
  for (let sample = from; sample < to; sample += 1) {
    const at = began + (sample * 1_000) / sampleRate;
    const level = at % 1_000 < 100 ? Math.sin((2 * Math.PI * 1_000 * sample) / sampleRate) : 0;
    bytes.writeInt16LE(Math.round(24_000 * level), (sample - from) * 2);
  }
  return bytes;
}
