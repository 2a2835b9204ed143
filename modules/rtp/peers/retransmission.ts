import { type RtpPacket, readRtpPacket } from '../../../wire/rtp/packet.ts';

/**
 * Makes the original of a retransmitted packet out of it, in its own memory (RFC 4588 4): the number in front of the payload goes
 * into the header, which moves up by two bytes. False for what carries none, such as padding by which a browser finds out about bandwidth.
 */
export function restoreOriginal(packet: RtpPacket, ssrc: number, payloadType: number): boolean {
  const { bytes, payloadStart, payloadEnd } = packet;
  if (payloadEnd - payloadStart < 3) return false;
  const sequence = bytes.readUInt16BE(payloadStart);
  bytes.copyWithin(2, 0, payloadStart);
  const original = bytes.subarray(2);
  original[1] = ((original[1] ?? 0) & 0x80) | payloadType;
  original.writeUInt16BE(sequence, 2);
  original.writeUInt32BE(ssrc, 8);
  return readRtpPacket(original, packet);
}
