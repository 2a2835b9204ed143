import { Buffer } from 'node:buffer';
import type { Cipher } from 'node:crypto';
import { gcmKernelCode } from './gcm-kernel-code.ts';
import type { GcmNonce } from './gcm-nonce.ts';

/** The part of the language's WebAssembly that is used here; neither the types of ES2023 nor those of Node have it. */
declare const WebAssembly: {
  Module: new (code: Buffer) => object;
  Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Instance: new (module: object, imports: { host: { memory: object } }) => { readonly exports: object };
};

/** See gcm-kernel.wat. Places are bytes of the memory. */
interface Functions {
  count(to: number, first: number, second: number, third: number, count: number): void;
  seal(packet: number, clear: number, length: number, key: number, text: number): void;
}

const pageLength = 65_536;
const blockLength = 16;
/** Longer packets are not for the kernel; no network has them. */
export const longestPacket = 4_096;
/** Blocks that are encrypted in one go: some fifty packets. */
export const mostBlocks = 4_096;
/** The tables of the key stand at 0; in front of `text` is room for the longest header in whole blocks, and three of zeros. */
const text = 8_192;
const keyStream = 16_384;
const packetsAt = keyStream + mostBlocks * blockLength;

/** The code, compiled; undefined where WebAssembly or its vectors are not to be had: a processor without SSE 4.1, `node --jitless`. */
export function compileGcmKernel(): object | undefined {
  try {
    return new WebAssembly.Module(Buffer.from(gcmKernelCode, 'base64'));
  } catch {
    return undefined; // the one way in which it says so
  }
}

/** Seals packets that stand in its memory. One key at a time. */
export class GcmKernel {
  /** Where packets stand. */
  readonly packets: Buffer;
  readonly #tables: Buffer;
  readonly #counters: Buffer;
  readonly #functions: Functions;

  /** `bytes` for packets, tags and all. Throws `RangeError` when there is no memory. */
  constructor(module: object, bytes: number) {
    const pages = Math.ceil((packetsAt + bytes) / pageLength);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.packets = Buffer.from(memory.buffer, packetsAt, bytes);
    this.#tables = Buffer.from(memory.buffer, 0, text);
    this.#counters = Buffer.from(memory.buffer, keyStream, mostBlocks * blockLength);
    this.#functions = new WebAssembly.Instance(module, { host: { memory } }).exports as Functions;
  }

  /** The counter blocks of one packet, `count` of them from place `first` on: the tag's and one for each block of text. */
  count(first: number, count: number, nonce: GcmNonce): void {
    this.#functions.count(keyStream + first * blockLength, nonce.first, nonce.second, nonce.third, count);
  }

  /** Makes the key stream of `count` counter blocks, and gets ready to hash. `cipher` is AES in ECB mode without padding. */
  useKey(cipher: Cipher, count: number, tables: Buffer): void {
    this.#counters.set(cipher.update(this.#counters.subarray(0, count * blockLength)));
    this.#tables.set(tables);
  }

  /** Encrypts from `clear` to `length` what stands at `start`, and puts the tag of 16 bytes behind. `first` as in `count`. */
  seal(start: number, clear: number, length: number, first: number): void {
    this.#functions.seal(packetsAt + start, clear, length, keyStream + first * blockLength, text);
  }
}
