import assert from 'node:assert/strict';
import { WireError } from '../../../../wire/errors.ts';
import { messageBounds, readClientMessage } from '../../../../wire/wcs/client-message.ts';
import { readMetricColumns, readMetricRows } from '../../../../wire/wcs/client-metrics.ts';
import { mediaFrameHeader, readMediaFrames } from '../../../../wire/wcs/media-frame.ts';
import { answerMediaSourceOffer } from '../../../../wire/wcs/media-source-sdp.ts';
import { writeServerMessage } from '../../../../wire/wcs/server-message.ts';
import { mediaSourceOffer } from '../../../support/wcs-client.ts';
import { clientVectors, mediaVectors } from '../../../vectors/wcs/vectors.ts';

function fault(text: string): string {
  try {
    readClientMessage(text);
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
  return 'read';
}

describe('WCS: messages of clients', () => {
  for (const [name, { text, read }] of Object.entries(clientVectors)) {
    it(`reads ${name}`, () => assert.deepEqual(readClientMessage(text), read));
  }

  it('refuses what is no message', () => {
    for (const text of [
      '',
      'x',
      '[]',
      '1',
      'null',
      '{}',
      '{"message":1}',
      '{"message":"pong","data":{}}',
      '{"message":""}',
    ])
      assert.equal(fault(text), 'malformed', text);
    assert.equal(fault('{"message":"stopStream","data":[{"mediaSessionId":7}]}'), 'malformed');
    assert.equal(fault('{"message":"connectMediaTransport","data":[{}]}'), 'malformed');
    assert.equal(fault('{"message":"sendStreamEvent","data":[{"type":"other"}]}'), 'unsupported');
  });

  it('refuses what is too long, too deep or too much before it is parsed', () => {
    assert.equal(fault(`{"message":"${'x'.repeat(messageBounds.longest)}"}`), 'too-large');
    assert.equal(fault(`{"message":"sendData","data":[${'['.repeat(50)}${']'.repeat(50)}]}`), 'too-large');
    assert.equal(fault(`{"message":"sendData","data":[${'[],'.repeat(30_000)}1]}`), 'too-large');
    assert.equal(fault(`{"message":"${'x'.repeat(65)}"}`), 'too-large');
    assert.equal(fault(`{"message":"stopStream","data":[{"mediaSessionId":"${'x'.repeat(129)}"}]}`), 'too-large');
  });

  it('takes brackets in texts for text', () => {
    const text = JSON.stringify({ message: 'sendData', data: [{ operationId: '1', payload: '[{"\\['.repeat(100) }] });
    assert.equal(fault(text), 'read');
  });

  it('knows no inherited keys', () => {
    const read = readClientMessage(
      '{"message":"connection","data":[{"__proto__":{"appKey":"evil","keepAlive":true}}]}',
    );
    assert.ok(read.message === 'connection');
    assert.equal(read.connection.appKey, 'defaultApp');
    assert.equal(read.connection.keepAlive, false);
    assert.equal(({} as Record<string, unknown>)['appKey'], undefined);
  });
});

describe('WCS: messages of the server', () => {
  it('always have a list of data', () => {
    assert.equal(writeServerMessage(['ping', null]), '{"message":"ping","data":[null]}');
    assert.equal(
      writeServerMessage(['setRemoteSDP', 'id', 'v=0', true]),
      '{"message":"setRemoteSDP","data":["id","v=0",true]}',
    );
    assert.equal(
      writeServerMessage(['availableStream', { id: 'a', status: 'true' }]),
      '{"message":"availableStream","data":[{"id":"a","status":"true"}]}',
    );
  });
});

describe('WCS: media frames', () => {
  for (const { kind, timestamp, payload, bytes } of mediaVectors) {
    it(`writes and reads ${kind} at ${timestamp} ms`, () => {
      const body = Buffer.from(payload, 'hex');
      assert.equal(Buffer.concat([mediaFrameHeader(kind, timestamp, body.length), body]).toString('hex'), bytes);
      assert.deepEqual(readMediaFrames(Buffer.from(bytes, 'hex')), [{ kind, timestamp, payload: body }]);
    });
  }
  it('reads many in one message', () => {
    const all = Buffer.from(mediaVectors.map(({ bytes }) => bytes).join(''), 'hex');
    assert.equal(readMediaFrames(all).length, mediaVectors.length);
  });
});

describe('WCS: answers to Media Source players', () => {
  it('give a port to the tracks that are there', () => {
    const answer = answerMediaSourceOffer(mediaSourceOffer, { video: true, audio: false });
    assert.match(answer, /^m=video 9 RTP\/AVP 112\r$/m);
    assert.match(answer, /^m=audio 0 RTP\/AVP 108 96\r$/m);
    assert.equal(answer.replace('m=video 9', 'm=video 0'), mediaSourceOffer);
  });
  it('need an offer', () => {
    assert.throws(() => answerMediaSourceOffer('v=0\r\n', { video: true, audio: true }), WireError);
  });
});

describe('WCS: metrics of clients', () => {
  it('reads columns and rows', () => {
    const columns = readMetricColumns('inbound-rtp.IT01.V.packetsLost,candidate-pair.CP1.currentRoundTripTime,odd');
    assert.deepEqual(columns, [
      { type: 'inbound-rtp', metric: 'packetsLost' },
      { type: 'candidate-pair', metric: 'currentRoundTripTime' },
      { type: '', metric: '' },
    ]);
    assert.deepEqual(readMetricRows('["3;0.05;x","4;;","5"]', 3), [
      [3, 0.05, undefined],
      [4, undefined, undefined],
      [5],
    ]);
    assert.throws(() => readMetricRows('{"a":1}', 3), WireError);
    assert.throws(() => readMetricRows('[1]', 3), WireError);
  });
});
