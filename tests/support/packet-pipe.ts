import { Scope } from '../../core/lifecycle/scope.ts';
import { afterIn, type Clock } from '../../core/time/clock.ts';
import { type Micros, micros, ZERO } from '../../core/time/micros.ts';
import type { PacketCopies, PacketHearing, PacketTransport } from '../../modules/rtp/peers/packet-transport.ts';
import { randomFrom } from './random.ts';

/** What a direction of a pipe does to packets. All of it may be changed while it runs. */
export interface PipeWay {
  /** Share of packets that get lost, 0 to 1. */
  loss: number;
  /** From one end to the other. */
  delay: Micros;
  /** Up to so much more for each packet, at random: they overtake each other. */
  jitter: Micros;
  /** Bits a second; Infinity: no bottleneck. */
  rate: number;
  /** Bytes that wait in front of the bottleneck; more is lost. */
  queue: number;
  /** Decides packet by packet; true loses it. */
  drop: ((bytes: Buffer, kind: 'rtp' | 'rtcp') => boolean) | undefined;
}

export interface PipeEnd extends PacketTransport {
  /** What happens to what this end sends. */
  readonly way: PipeWay;
  /** Everything that this end has sent, lost or not. */
  readonly sent: { rtp: number; rtcp: number; bytes: number; lost: number };
  /** Everything that this end has received, as it came, when asked for. */
  record: ((bytes: Buffer, kind: 'rtp' | 'rtcp') => void) | undefined;
  /** Hands something to this end as if it had come. */
  hear(bytes: Buffer, kind: 'rtp' | 'rtcp'): void;
  /** Lets media flow. */
  connect(): void;
  backlog: number;
}

/** IPv4, UDP and the tag of SRTP. */
const overhead = 44;

/** Two packet transports back to back, with a network of one's own making between them. The same seed, the same network. */
export function packetPipe(
  clock: Clock,
  options: { seed?: number; scope?: Scope } & Partial<PipeWay> = {},
): [PipeEnd, PipeEnd] {
  const { seed = 1, scope = Scope.root('pipe'), ...way } = options;
  const random = randomFrom(seed);
  const [a, b] = [new End(clock, scope, random, way), new End(clock, scope, random, way)];
  a.peer = b;
  b.peer = a;
  return [a, b];
}

class End implements PipeEnd {
  readonly scope: Scope;
  readonly way: PipeWay;
  readonly sent = { rtp: 0, rtcp: 0, bytes: 0, lost: 0 };
  readonly #clock: Clock;
  readonly #random: () => number;
  record: PipeEnd['record'];
  peer: End | undefined;
  backlog = 0;
  #hearing: PacketHearing | undefined;
  #connected = false;
  #freeAt = 0;

  constructor(clock: Clock, scope: Scope, random: () => number, way: Partial<PipeWay>) {
    this.scope = scope;
    this.#clock = clock;
    this.#random = random;
    this.way = { loss: 0, delay: ZERO, jitter: ZERO, rate: Infinity, queue: Infinity, drop: undefined, ...way };
  }

  listen(hearing: PacketHearing): void {
    this.#hearing = hearing;
    if (this.#connected) hearing.onConnected();
  }

  connect(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#hearing?.onConnected();
  }

  sendRtp(header: Buffer, headerLength: number, payload: Buffer, copies?: PacketCopies): number {
    if (this.scope.closed || !this.#connected) return 0;
    const bytes = Buffer.concat([header.subarray(0, headerLength), payload]);
    copies?.keep(bytes, 0, bytes.length);
    this.sent.rtp += 1;
    this.#carry(bytes, 'rtp');
    return bytes.length + overhead;
  }

  resendRtp(bytes: Buffer): number {
    if (this.scope.closed || !this.#connected) return 0;
    this.sent.rtp += 1;
    this.#carry(bytes, 'rtp');
    return bytes.length + overhead;
  }

  sendRtcp(compound: Buffer): void {
    if (this.scope.closed || !this.#connected) return;
    this.sent.rtcp += 1;
    this.#carry(Buffer.from(compound), 'rtcp');
  }

  flush(): void {
    // Everything has left.
  }

  hear(bytes: Buffer, kind: 'rtp' | 'rtcp'): void {
    this.record?.(bytes, kind);
    const now = this.#clock.now();
    if (kind === 'rtp') this.#hearing?.onRtp(bytes, now);
    else this.#hearing?.onRtcp(bytes, now);
  }

  #carry(bytes: Buffer, kind: 'rtp' | 'rtcp'): void {
    const { way } = this;
    this.sent.bytes += bytes.length;
    const now = this.#clock.now();
    const size = bytes.length + overhead;
    const waiting = Math.max(0, this.#freeAt - now);
    const full = Number.isFinite(way.rate) && (waiting * way.rate) / 8e6 > way.queue;
    if (full || this.#random() < way.loss || way.drop?.(bytes, kind) === true) {
      this.sent.lost += 1;
      return;
    }
    if (Number.isFinite(way.rate)) this.#freeAt = Math.max(now, this.#freeAt) + (size * 8e6) / way.rate;
    else this.#freeAt = now;
    const delay = micros(this.#freeAt - now + way.delay + this.#random() * way.jitter);
    if (delay === 0) this.peer?.hear(bytes, kind);
    else afterIn(this.scope, this.#clock, delay, () => this.peer?.hear(bytes, kind));
  }
}
