import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { amfObject } from '../../../../wire/amf/value.ts';
import { WireError } from '../../../../wire/errors.ts';
import { splitAggregate } from '../../../../wire/rtmp/aggregate.ts';
import { commandMessage, dataMessage, readCommand, readDataMessage } from '../../../../wire/rtmp/command-messages.ts';
import * as control from '../../../../wire/rtmp/control-messages.ts';
import type { OutgoingMessage, RtmpMessage } from '../../../../wire/rtmp/message.ts';
import { hexBytes } from '../../../vectors/rtmp/vectors.ts';

function arrived(type: number, hex: string): RtmpMessage {
  return { type, streamId: 0, timestamp: 0, csid: 2, payload: hexBytes(hex) };
}

function sent(message: OutgoingMessage): RtmpMessage {
  return { ...message, payload: Buffer.concat(message.payload) };
}

const malformed = (error: unknown) => error instanceof WireError && error.code === 'malformed';
const truncated = (error: unknown) => error instanceof WireError && error.code === 'truncated';

describe('RTMP control messages', () => {
  const rows: readonly [OutgoingMessage, number, string, control.ControlMessage | undefined][] = [
    [control.setChunkSize(4096), 1, '00001000', undefined],
    [control.acknowledgement(2 ** 32 + 7), 3, '00000007', { kind: 'acknowledgement', bytes: 7 }],
    [control.windowAckSize(2500000), 5, '002625a0', { kind: 'window-ack-size', bytes: 2500000 }],
    [control.windowAckSize(0), 5, '00000000', { kind: 'window-ack-size', bytes: 0 }],
    [
      control.setPeerBandwidth(2500000, 'dynamic'),
      6,
      '002625a0 02',
      { kind: 'set-peer-bandwidth', bytes: 2500000, limit: 'dynamic' },
    ],
    [control.streamBegin(1), 4, '0000 00000001', { kind: 'stream-begin', streamId: 1 }],
    [control.streamEof(1), 4, '0001 00000001', { kind: 'stream-eof', streamId: 1 }],
    [control.streamDry(1), 4, '0002 00000001', { kind: 'stream-dry', streamId: 1 }],
    [
      control.setBufferLength(1, 3000),
      4,
      '0003 00000001 00000bb8',
      { kind: 'set-buffer-length', streamId: 1, millis: 3000 },
    ],
    [control.streamIsRecorded(1), 4, '0004 00000001', { kind: 'stream-is-recorded', streamId: 1 }],
    [control.pingRequest(9), 4, '0006 00000009', { kind: 'ping-request', timestamp: 9 }],
    [control.pingResponse(9), 4, '0007 00000009', { kind: 'ping-response', timestamp: 9 }],
  ];
  for (const [message, type, hex, value] of rows) {
    it(`${value?.kind ?? 'set-chunk-size'} is written and read (RTMP 1.0 5.4, 7.1.7)`, () => {
      assert.equal(message.type, type);
      assert.deepEqual([message.csid, message.streamId, message.timestamp], [2, 0, 0]);
      assert.deepEqual(sent(message).payload, hexBytes(hex));
      assert.deepEqual(control.readControl(sent(message)), value);
    });
  }

  it('passes unknown user control on as unknown', () => {
    assert.deepEqual(control.readControl(arrived(4, '001a 0000')), { kind: 'unknown-user-control', event: 26 });
  });

  it('refuses what is cut off, and knows no other type', () => {
    assert.throws(() => control.readControl(arrived(3, '000000')), truncated);
    assert.throws(() => control.readControl(arrived(4, '0000 0000')), truncated);
    assert.throws(() => control.readControl(arrived(6, '00000001')), truncated);
    assert.equal(control.readControl(arrived(8, '00')), undefined);
    assert.throws(() => control.setChunkSize(0), RangeError);
  });
});

describe('RTMP command and data messages', () => {
  const place = { streamId: 1, csid: 3 };
  const command = { name: 'connect', transactionId: 1, object: amfObject({ app: 'live' }), args: ['x', 2] };

  it('writes and reads commands of type 20 and 17', () => {
    const amf0 = commandMessage(command, place);
    assert.equal(amf0.type, 20);
    assert.deepEqual(readCommand(sent(amf0)), command);
    const amf3 = commandMessage(command, { ...place, amf3: true, timestamp: 7 });
    assert.equal(amf3.type, 17);
    assert.equal(amf3.timestamp, 7);
    assert.equal(sent(amf3).payload[0], 0);
    assert.deepEqual(readCommand(sent(amf3)), command);
  });

  it('reads type 17 in AMF3 throughout, and without its format byte', () => {
    const wanted = { name: 'hi', transactionId: 2, object: null, args: [] };
    assert.deepEqual(readCommand(arrived(17, '03 06 05 6869 04 02 01')), wanted);
    assert.deepEqual(readCommand(arrived(17, '02 0002 6869 00 4000000000000000 05')), wanted);
    assert.deepEqual(readCommand(arrived(17, '00 02 0002 6869 11 04 02 05')), wanted);
  });

  it('reads commands that are short or odd', () => {
    assert.deepEqual(readCommand(arrived(20, '02 0002 6869')), {
      name: 'hi',
      transactionId: 0,
      object: null,
      args: [],
    });
    assert.equal(readCommand(arrived(20, '02 0002 6869 00 7ff8000000000000'))?.transactionId, 0);
    assert.throws(() => readCommand(arrived(20, '05')), malformed);
    assert.throws(() => readCommand(arrived(20, '')), malformed);
    assert.throws(() => readCommand(arrived(17, '')), malformed);
    assert.throws(() => readCommand(arrived(17, '07')), malformed);
    assert.equal(readCommand(arrived(18, '05')), undefined);
  });

  it('writes and reads data messages of type 18 and 15', () => {
    const values = ['@setDataFrame', 'onMetaData', amfObject({ width: 640 })];
    const amf0 = dataMessage(values, place);
    assert.equal(amf0.type, 18);
    assert.deepEqual(readDataMessage(sent(amf0)), values);
    const amf3 = dataMessage(values, { ...place, amf3: true });
    assert.equal(amf3.type, 15);
    assert.deepEqual(readDataMessage(sent(amf3)), values);
    assert.equal(readDataMessage(arrived(20, '05')), undefined);
  });
});

describe('RTMP aggregate messages (RTMP 1.0 7.1.6)', () => {
  const part = (type: string, time: string, payload: string, back: string) =>
    `${type} 000002 ${time} 000000 ${payload} ${back}`;

  function split(hex: string, timestamp: number): RtmpMessage[] {
    const messages: RtmpMessage[] = [];
    splitAggregate({ type: 22, streamId: 5, timestamp, csid: 6, payload: hexBytes(hex) }, (message) => {
      messages.push(message);
    });
    return messages;
  }

  it('splits and shifts timestamps to that of the aggregate', () => {
    const hex = part('08', '0003e8 00', 'aabb', '0000000d') + part('09', '00040b 00', 'ccdd', '0000000d');
    assert.deepEqual(split(hex, 2000), [
      { type: 8, streamId: 5, timestamp: 2000, csid: 6, payload: hexBytes('aabb') },
      { type: 9, streamId: 5, timestamp: 2035, csid: 6, payload: hexBytes('ccdd') },
    ]);
  });

  it('takes the high byte of the time behind the low three, and wraps', () => {
    const hex = part('08', 'fffffe ff', 'aabb', '0000000d') + part('09', '000003 00', 'ccdd', '');
    assert.deepEqual(
      split(hex, 0xfffffffe).map(({ timestamp }) => timestamp),
      [0xfffffffe, 3],
    );
  });

  it('refuses what is cut off, and aggregates within', () => {
    assert.throws(() => split('08 000002 000000 00 000000 aa', 0), truncated);
    assert.throws(() => split('08 0000', 0), truncated);
    assert.throws(() => split(part('16', '000000 00', 'aabb', '0000000d'), 0), malformed);
    assert.deepEqual(split('', 0), []);
  });
});
