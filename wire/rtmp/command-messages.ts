import { Buffer } from 'node:buffer';
import { readAmf0All } from '../amf/amf0-reader.ts';
import { writeAmf0 } from '../amf/amf0-writer.ts';
import { readAmf3All } from '../amf/amf3-reader.ts';
import type { AmfValue } from '../amf/value.ts';
import { WireError } from '../errors.ts';
import { messageType, type OutgoingMessage, type RtmpMessage } from './message.ts';

/** RTMP 1.0 7.2 */
export type Command = {
  readonly name: string;
  /** 0 when no answer is wanted. */
  readonly transactionId: number;
  /** The command object, null where there is none. */
  readonly object: AmfValue;
  /** What comes behind the command object. */
  readonly args: readonly AmfValue[];
};

/** Where a command or data message goes. */
export type MessagePlace = {
  /** The message stream, 0 for the connection. */
  readonly streamId: number;
  readonly csid: number;
  /** Milliseconds, u32; 0 unless told. */
  readonly timestamp?: number;
  /** Write the AMF3 message type, for a peer whose `objectEncoding` is 3; the values are AMF0 in both. */
  readonly amf3?: boolean;
};

/** A message of type 20 or 17; undefined for every other type. Throws WireError. */
export function readCommand(message: RtmpMessage): Command | undefined {
  const { type } = message;
  if (type !== messageType.commandAmf0 && type !== messageType.commandAmf3) return undefined;
  const values = readValues(message.payload, type === messageType.commandAmf3);
  const [name, transactionId, object, ...args] = values;
  if (typeof name !== 'string') throw new WireError('malformed', 'rtmp', 'a command without name');
  // Some send a command of one string; NaN and worse are no transaction.
  const asked = typeof transactionId === 'number' && Number.isFinite(transactionId) ? transactionId : 0;
  return { name, transactionId: asked, object: object ?? null, args };
}

/** The values of a data message, type 18 or 15 (RTMP 1.0 7.1.2); undefined for every other type. Throws WireError. */
export function readDataMessage(message: RtmpMessage): AmfValue[] | undefined {
  const { type } = message;
  if (type !== messageType.dataAmf0 && type !== messageType.dataAmf3) return undefined;
  return readValues(message.payload, type === messageType.dataAmf3);
}

/**
 * The AMF3 message types begin with a byte that names the format: 0 says AMF0, whose values may switch to AMF3 one by
 * one; 3 says AMF3 throughout. Some peers leave it out: the marker of the AMF0 string that must come first tells.
 */
function readValues(payload: Buffer, formatByte: boolean): AmfValue[] {
  if (!formatByte) return readAmf0All(payload);
  switch (payload[0]) {
    case 0:
      return readAmf0All(payload.subarray(1));
    case 2:
      return readAmf0All(payload);
    case 3:
      return readAmf3All(payload.subarray(1));
    default:
      throw new WireError('malformed', 'rtmp', `AMF format ${payload[0] ?? 'missing'}`);
  }
}

const formatAmf0 = Buffer.from([0]);

function valuesMessage(type: number, values: readonly AmfValue[], place: MessagePlace): OutgoingMessage {
  const bytes = writeAmf0(values);
  return {
    type,
    streamId: place.streamId,
    timestamp: place.timestamp ?? 0,
    csid: place.csid,
    payload: place.amf3 === true ? [formatAmf0, bytes] : [bytes],
  };
}

/** Throws WireError('too-large') for values nested too deep. */
export function commandMessage(command: Command, place: MessagePlace): OutgoingMessage {
  const type = place.amf3 === true ? messageType.commandAmf3 : messageType.commandAmf0;
  return valuesMessage(type, [command.name, command.transactionId, command.object, ...command.args], place);
}

/** Throws WireError('too-large') for values nested too deep. */
export function dataMessage(values: readonly AmfValue[], place: MessagePlace): OutgoingMessage {
  return valuesMessage(place.amf3 === true ? messageType.dataAmf3 : messageType.dataAmf0, values, place);
}
