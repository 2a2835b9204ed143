import type { Buffer } from 'node:buffer';
import { type Carrier, PeerPath } from '../../modules/rtp/transport/path.ts';

/** A way whose system keeps what it is given, as long as it is told to. */
export class FakePath extends PeerPath implements Carrier {
  readonly protocol = 'udp';
  readonly backlog = 0;
  touched = false;
  takes = true;
  keeps = false;
  flushes = 0;
  readonly sent: Buffer[] = [];

  constructor() {
    super({ address: '192.0.2.1', port: 9 }, { address: '192.0.2.2', priority: 1 });
  }

  get carrier(): Carrier {
    return this;
  }

  send(bytes: Buffer): void {
    this.sent.push(bytes);
  }

  queue(memory: Buffer, start: number, length: number): boolean {
    if (this.takes) this.sent.push(memory.subarray(start, start + length));
    return this.takes;
  }

  flush(): boolean {
    this.flushes += 1;
    return !this.keeps;
  }

  close(): void {}
}
