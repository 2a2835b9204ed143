import type { Buffer } from 'node:buffer';
import type { RemoteInfo } from 'node:dgram';
import { DtlsConnection, type DtlsSettings } from '../../../wire/dtls/connection.ts';
import type { SrtpProtector } from '../../../wire/srtp/contract.ts';
import { nodeSrtp } from '../../../wire/srtp/node-srtp.ts';
import { openWasmSrtp } from '../../../wire/srtp/wasm-srtp.ts';
import { nodeDatagrams } from './node-datagrams.ts';

/** Hears every datagram of a socket; its bytes belong to the hearer. */
export type DatagramHearing = (bytes: Buffer, from: RemoteInfo) => void;

/** A UDP socket on one address. */
export interface DatagramSocket {
  readonly port: number;
  /** Sends as soon as may be; `bytes` must not be changed any more. Errors of the network are counted, never thrown. */
  send(bytes: Buffer, port: number, address: string): void;
  /**
   * As `send`, for `length` bytes of a memory that is used again: see `flush`. False when the system takes so little that the
   * datagram was dropped.
   */
  queue(memory: Buffer, start: number, length: number, port: number, address: string): boolean;
  /** Hands over what was queued. False while the memory is still needed: then take another, and let that one go. */
  flush(): boolean;
  close(): Promise<void>;
}

/** Where datagrams enter and leave the process. */
export interface DatagramDriver {
  /** For the log. */
  readonly name: string;
  /** Rejects with the system's error. `onError` hears of what could not be sent. */
  bind(address: string, port: number, hear: DatagramHearing, onError: () => void): Promise<DatagramSocket>;
}

/** What a DTLS association must do: see `DtlsConnection`. */
export type DtlsAssociation = Pick<
  DtlsConnection,
  'nextTimeout' | 'takeDatagrams' | 'takeEvents' | 'start' | 'tick' | 'receive' | 'send' | 'close'
>;

export interface DtlsDriver {
  /** For the log. */
  readonly name: string;
  open(settings: DtlsSettings): DtlsAssociation;
}

/** The three costly things, each of which may have a native twin. */
export interface PeerEngines {
  readonly dtls: DtlsDriver;
  readonly srtp: SrtpProtector;
  readonly datagrams: DatagramDriver;
}

/** Those that work everywhere. */
export const nodeEngines: PeerEngines = {
  dtls: { name: 'node:crypto', open: (settings) => new DtlsConnection(settings) },
  srtp: openWasmSrtp() ?? nodeSrtp,
  datagrams: nodeDatagrams,
};
