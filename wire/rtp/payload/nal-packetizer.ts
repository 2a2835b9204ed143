import { Buffer } from 'node:buffer';

const fuA = 28;
const fuH265 = 49;

/** NAL units of one picture → payloads of at most `most` bytes: single NAL units (RFC 6184 5.6) and FU-A. */
export function packetizeH264(nals: readonly Buffer[], most: number): Buffer[] {
  const payloads: Buffer[] = [];
  for (const nal of nals) {
    if (nal.length > most) fragmentH264(nal, most, payloads);
    else if (nal.length > 0) payloads.push(nal);
  }
  return payloads;
}

/** As `packetizeH264`, of H.265: RFC 7798 4.4.1 and 4.4.3. */
export function packetizeH265(nals: readonly Buffer[], most: number): Buffer[] {
  const payloads: Buffer[] = [];
  for (const nal of nals) {
    if (nal.length > most) fragmentH265(nal, most, payloads);
    else if (nal.length > 0) payloads.push(nal);
  }
  return payloads;
}

/** FU-A, RFC 6184 5.8. */
function fragmentH264(nal: Buffer, most: number, into: Buffer[]): void {
  const header = nal[0] ?? 0;
  const room = most - 2;
  for (let at = 1; at < nal.length; at += room) {
    const end = Math.min(nal.length, at + room);
    const payload = Buffer.allocUnsafe(2 + end - at);
    payload[0] = (header & 0xe0) | fuA;
    payload[1] = edges(at === 1, end === nal.length) | (header & 0x1f);
    nal.copy(payload, 2, at, end);
    into.push(payload);
  }
}

/** RFC 7798 4.4.3. */
function fragmentH265(nal: Buffer, most: number, into: Buffer[]): void {
  const header = nal[0] ?? 0;
  const room = most - 3;
  for (let at = 2; at < nal.length; at += room) {
    const end = Math.min(nal.length, at + room);
    const payload = Buffer.allocUnsafe(3 + end - at);
    payload[0] = (header & 0x81) | (fuH265 << 1);
    payload[1] = nal[1] ?? 0;
    payload[2] = edges(at === 2, end === nal.length) | ((header >> 1) & 0x3f);
    nal.copy(payload, 3, at, end);
    into.push(payload);
  }
}

function edges(first: boolean, last: boolean): number {
  return (first ? 0x80 : 0) | (last ? 0x40 : 0);
}
