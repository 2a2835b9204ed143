import { Buffer } from 'node:buffer';
import { ByteReader } from '../bits/byte-reader.ts';
import { WireError } from '../errors.ts';
import { messageType, type RtmpMessage } from './message.ts';

/** A back pointer of 4 bytes stands behind each submessage. RTMP 1.0 7.1.6. */
const backPointerLength = 4;
/** A part smaller than this is copied, so that it can't pin the whole aggregate. */
const copyBelow = 4096;

/**
 * Hands on each submessage of an aggregate message (type 22, RTMP 1.0 7.1.6). The timestamps of the submessages are
 * shifted so that the first has the aggregate's; the aggregate's message stream id holds for all.
 * Throws WireError; what stood before the fault has been handed on.
 */
export function splitAggregate(aggregate: RtmpMessage, onMessage: (message: RtmpMessage) => void): void {
  const reader = new ByteReader(aggregate.payload, 'rtmp');
  let shift: number | undefined;
  while (reader.remaining > 0) {
    const type = reader.u8();
    if (type === messageType.aggregate) throw new WireError('malformed', 'rtmp', 'an aggregate within an aggregate');
    const length = reader.u24();
    const low = reader.u24();
    const ownTimestamp = reader.u8() * 0x1000000 + low; // the high byte comes last, as in an FLV tag
    reader.skip(3); // message stream id: the aggregate's overrides it
    const view = reader.bytes(length);
    // The last back pointer is missing from some senders' aggregates.
    reader.skip(Math.min(backPointerLength, reader.remaining));
    shift ??= aggregate.timestamp - ownTimestamp;
    onMessage({
      type,
      streamId: aggregate.streamId,
      timestamp: (ownTimestamp + shift) >>> 0,
      csid: aggregate.csid,
      payload: length < copyBelow ? ownCopy(view) : view,
    });
  }
}

function ownCopy(view: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(view.length);
  view.copy(own);
  return own;
}
