/*
 * Messages of the WCS client protocol as @flashphoner/websdk 2.0.276 writes them (its source, and frames seen in
 * Chromium), and what is read of them.
 */

export interface ClientVector {
  readonly text: string;
  readonly read: Readonly<Record<string, unknown>>;
}

const unset = {
  custom: undefined,
  width: undefined,
  height: undefined,
  bitrate: undefined,
  minBitrate: undefined,
  maxBitrate: undefined,
  transport: undefined,
  cvoExtension: false,
  rtmpUrl: undefined,
};
const connection = {
  appKey: 'defaultApp',
  mediaProviders: ['WebRTC', 'MSE', 'WSPlayer'],
  clientVersion: '2.0',
  clientBrowserVersion: 'Mozilla/5.0',
  msePacketizationVersion: 2,
  custom: { token: 'abc' },
  clientInfo: {},
};

export const clientVectors: Readonly<Record<string, ClientVector>> = {
  connection: {
    text: JSON.stringify({ message: 'connection', data: [connection] }),
    read: {
      message: 'connection',
      connection: {
        appKey: 'defaultApp',
        mediaProviders: ['WebRTC', 'MSE', 'WSPlayer'],
        keepAlive: false,
        authToken: undefined,
        agent: 'Mozilla/5.0',
        custom: { token: 'abc' },
        sipLogin: undefined,
        echo: connection,
      },
    },
  },
  pong: { text: '{"message":"pong","data":[null]}', read: { message: 'pong' } },
  pongOfMediaSocket: { text: '{"message":"pong"}', read: { message: 'pong' } },
  play: {
    text: '{"message":"playStream","data":[{"mediaSessionId":"a8f3e6d0","name":"test","published":false,"hasVideo":true,"hasAudio":true,"status":"PENDING","record":false,"width":0,"height":0,"mediaProvider":"MSE","sdp":"v=0\\r\\n","bitrate":0,"minBitrate":0,"maxBitrate":0,"quality":0}]}',
    read: {
      message: 'playStream',
      stream: {
        ...unset,
        mediaSessionId: 'a8f3e6d0',
        name: 'test',
        hasVideo: true,
        hasAudio: true,
        record: false,
        mediaProvider: 'MSE',
        sdp: 'v=0\r\n',
      },
    },
  },
  publish: {
    text: '{"message":"publishStream","data":[{"mediaSessionId":"id","name":"cam","published":true,"hasVideo":true,"hasAudio":false,"status":"PENDING","record":true,"mediaProvider":"WebRTC","sdp":"v=0","bitrate":0,"minBitrate":300,"maxBitrate":2000,"constraints":{"video":{"width":640,"height":"360"}},"transport":"TCP","cvoExtension":true}]}',
    read: {
      message: 'publishStream',
      stream: {
        ...unset,
        mediaSessionId: 'id',
        name: 'cam',
        hasVideo: true,
        hasAudio: false,
        record: true,
        mediaProvider: 'WebRTC',
        sdp: 'v=0',
        width: 640,
        height: 360,
        minBitrate: 300,
        maxBitrate: 2000,
        transport: 'TCP',
        cvoExtension: true,
      },
    },
  },
  stop: {
    text: '{"message":"stopStream","data":[{"mediaSessionId":"id","name":"cam","published":false,"hasVideo":true,"hasAudio":true,"status":"PLAYING","record":false}]}',
    read: { message: 'stopStream', mediaSessionId: 'id' },
  },
  mute: {
    text: '{"message":"sendStreamEvent","data":[{"mediaSessionId":"id","type":"audioMuted"}]}',
    read: { message: 'sendStreamEvent', mediaSessionId: 'id', type: 'audioMuted', payload: undefined },
  },
  roomMessage: {
    text: '{"message":"sendData","data":[{"operationId":"op","payload":{"command":"join","options":{"name":"room"}}}]}',
    read: { message: 'sendData', operationId: 'op', payload: { command: 'join', options: { name: 'room' } } },
  },
  availability: {
    text: '{"message":"availableStream","data":[{"mediaSessionId":"id","name":"cam"}]}',
    read: { message: 'availableStream', mediaSessionId: 'id', name: 'cam' },
  },
  call: {
    text: '{"message":"call","data":[{"callId":"c1","incoming":false,"caller":"1000","callee":"1001"}]}',
    read: { message: 'call', callId: 'c1' },
  },
  mediaTransport: {
    text: '{"message":"connectMediaTransport","data":[{"authToken":"t"}]}',
    read: { message: 'connectMediaTransport', authToken: 't' },
  },
  metrics: {
    text: '{"message":"webRTCMetricsBatch","data":[{"mediaSessionId":"id","metrics":"[\\"1;2\\",\\";3\\"]"}]}',
    read: { message: 'webRTCMetricsBatch', mediaSessionId: 'id', metrics: '["1;2",";3"]' },
  },
  unknown: { text: '{"message":"toString","data":[{}]}', read: { message: 'unknown', name: 'toString' } },
};

/** Media over a binary WebSocket: type, ms, length, payload; as the SDK's Media Source player reads it. */
export const mediaVectors = [
  {
    kind: 'video',
    timestamp: 40,
    payload: '27010000000000000241e0',
    bytes: '09000000280000000b27010000000000000241e0',
  },
  { kind: 'audio', timestamp: 0, payload: '001190', bytes: '080000000000000003001190' },
  { kind: 'audio', timestamp: -1, payload: '01ff', bytes: '08ffffffff0000000201ff' },
] as const;
