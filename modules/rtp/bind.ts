import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

export interface BindRequest {
  /** An address of this machine. */
  readonly address: string;
  /** 0 takes one that is free. */
  readonly port: number;
  /** Bytes that the system holds for the socket; it may give less. */
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  /** Of an IPv6 address: nothing of IPv4 comes in by it. */
  readonly ipv6Only?: boolean;
}

/** Opens a UDP socket. Rejects with the system's error. */
export function bind({ address, port, receiveBuffer, sendBuffer, ipv6Only = false }: BindRequest): Promise<Socket> {
  const six = isIPv6(address);
  const socket = createSocket({
    type: six ? 'udp6' : 'udp4',
    ipv6Only: six && ipv6Only,
    recvBufferSize: receiveBuffer,
    sendBufferSize: sendBuffer,
    // Addresses are never names here; the system's look-up would cost each packet a turn of the loop.
    lookup: (host, _options, found) => found(null, host, six ? 6 : 4),
  });
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', fail);
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off('error', fail);
      resolve(socket);
    });
  });
}
