import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { WireError } from '../../wire/errors.ts';
import {
  answerClientHello,
  answerServerHello,
  type ClientHello,
  clientHello,
  clientHelloLength,
  handshakeBlock,
  helloRandom,
  serverHelloLength,
} from '../../wire/rtmp/handshake.ts';

/** What a push of bytes led to: something to send, and, once the handshake is over, the bytes behind it. */
export interface HandshakeStep {
  readonly send?: Buffer;
  readonly rest?: Buffer;
}

/** Either side of RTMP 1.0 5.2. */
export interface Handshake {
  /** Throws WireError. */
  push(bytes: Buffer): HandshakeStep;
}

const nothing: HandshakeStep = {};
const plainRtmp = 3;

function seed(time: number): { time: number; random: Buffer } {
  return { time, random: randomBytes(helloRandom) };
}

/** Gathers a block of known length; holds no memory before the first byte. */
class Gathering {
  readonly #length: number;
  #bytes: Buffer | undefined;
  #filled = 0;

  constructor(length: number) {
    this.#length = length;
  }

  /** The whole block, once it is there, and the offset in `from` behind it. */
  take(from: Buffer): { block: Buffer; end: number } | undefined {
    this.#bytes ??= Buffer.allocUnsafe(this.#length);
    const count = Math.min(this.#length - this.#filled, from.length);
    from.copy(this.#bytes, this.#filled, 0, count);
    this.#filled += count;
    return this.#filled === this.#length ? { block: this.#bytes, end: count } : undefined;
  }
}

/** C0 C1 → S0 S1 S2, then C2, whose content proves nothing that matters. */
export class ServerHandshake implements Handshake {
  readonly #time: number;
  #hello: Gathering | undefined = new Gathering(clientHelloLength);
  #confirmationLeft = handshakeBlock;

  /** `time` in milliseconds. */
  constructor(time: number) {
    this.#time = time;
  }

  push(bytes: Buffer): HandshakeStep {
    if (this.#hello === undefined) return this.#confirm(bytes, 0);
    if (bytes.length === 0) return nothing;
    const taken = this.#hello.take(bytes);
    if (taken === undefined) return nothing;
    this.#hello = undefined;
    const { bytes: send } = answerClientHello(taken.block, seed(this.#time));
    return { send, ...this.#confirm(bytes, taken.end) };
  }

  #confirm(bytes: Buffer, from: number): HandshakeStep {
    const count = Math.min(this.#confirmationLeft, bytes.length - from);
    this.#confirmationLeft -= count;
    return this.#confirmationLeft > 0 ? nothing : { rest: bytes.subarray(from + count) };
  }
}

/** Refuses what can't be RTMP at its first byte: nobody needs to wait for 1536 more. Throws WireError. */
export function checkFirstByte(bytes: Buffer): void {
  const version = bytes[0];
  if (version !== undefined && version !== plainRtmp) {
    throw new WireError('unsupported', 'rtmp', `a first byte of ${version}`);
  }
}

/** C0 C1 → S0 S1 S2 → C2, with a digest that servers without it take for random bytes. */
export class ClientHandshake implements Handshake {
  readonly hello: ClientHello;
  readonly #time: number;
  readonly #answer = new Gathering(serverHelloLength);

  constructor(time: number, digest = true) {
    this.#time = time;
    this.hello = clientHello(seed(time), digest ? 'digest-first' : undefined);
  }

  push(bytes: Buffer): HandshakeStep {
    const taken = this.#answer.take(bytes);
    if (taken === undefined) return nothing;
    const { bytes: send } = answerServerHello(taken.block, this.hello, seed(this.#time));
    return { send, rest: bytes.subarray(taken.end) };
  }
}
