import { Buffer } from 'node:buffer';

export interface RtspVector {
  readonly name: string;
  readonly origin: string;
  readonly bytes: Buffer;
  /** What a reader finds, in the form of `hearRtsp`. */
  readonly found: readonly string[];
}

/** A message's lines with the ends that go on the wire. `body` lines end in CRLF too. */
function message(lines: readonly string[], body: readonly string[] = []): Buffer {
  return Buffer.from([...lines, '', ...body, ''].join('\r\n'));
}

const ffmpegAnnounce = [
  'v=0',
  'o=- 0 0 IN IP4 127.0.0.1',
  's=No Name',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'a=tool:libavformat LIBAVFORMAT_VERSION',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z/QACpGWQR7ARAAAAwAEAAADAFI8SJkg,aOvDxEhE; profile-level-id=F4000A',
  'a=control:streamid=0',
  'm=audio 0 RTP/AVP 97',
  'b=AS:32',
  'a=rtpmap:97 MPEG4-GENERIC/48000/1',
  'a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=118856E500',
  'a=control:streamid=1',
];

/** The first RTCP packet of ffmpeg 5.1.9. */
const senderReport = '80c80006 b0e99cef eeab94a1 178d4fdf efdac69e 00000000 00000000';

export const rtspVectors: readonly RtspVector[] = [
  {
    name: 'SETUP and its answer',
    origin: 'RFC 2326 10.4',
    bytes: Buffer.concat([
      message([
        'SETUP rtsp://example.com/foo/bar/baz.rm RTSP/1.0',
        'CSeq: 302',
        'Transport: RTP/AVP;unicast;client_port=4588-4589',
      ]),
      message([
        'RTSP/1.0 200 OK',
        'CSeq: 302',
        'Date: 23 Jan 1997 15:35:06 GMT',
        'Session: 47112344',
        'Transport: RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257',
      ]),
    ]),
    found: [
      'SETUP rtsp://example.com/foo/bar/baz.rm 1.0 cseq=302 transport=RTP/AVP;unicast;client_port=4588-4589 body=0',
      '200 OK 1.0 cseq=302 date=23 Jan 1997 15:35:06 GMT session=47112344 transport=RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257 body=0',
    ],
  },
  {
    name: 'PLAY and frames between answers',
    origin: 'RFC 2326 10.12, with a sender report of ffmpeg between frames made by hand',
    bytes: Buffer.concat([
      message(['PLAY rtsp://foo.com/bar.file RTSP/1.0', 'CSeq: 3', 'Session: 12345678']),
      message([
        'RTSP/1.0 200 OK',
        'CSeq: 3',
        'Session: 12345678',
        'Date: 05 Jun 1997 18:59:15 GMT',
        'RTP-Info: url=rtsp://foo.com/bar.file;seq=232433;rtptime=972948234',
      ]),
      Buffer.from('2400000d 80608ff1 39fdcf0a 01020304 55'.replaceAll(' ', ''), 'hex'),
      Buffer.from(`2401001c${senderReport.replaceAll(' ', '')}`, 'hex'),
      Buffer.from('24ff0000', 'hex'),
    ]),
    found: [
      'PLAY rtsp://foo.com/bar.file 1.0 cseq=3 session=12345678 body=0',
      '200 OK 1.0 cseq=3 session=12345678 date=05 Jun 1997 18:59:15 GMT rtp-info=url=rtsp://foo.com/bar.file;seq=232433;rtptime=972948234 body=0',
      '$0 80608ff139fdcf0a0102030455',
      `$1 ${senderReport.replaceAll(' ', '')}`,
      '$255 ',
    ],
  },
  {
    name: 'an announcement',
    origin: 'ffmpeg 5.1.9, published over TCP; the port in the URLs made 8554',
    bytes: Buffer.concat([
      message(['OPTIONS rtsp://127.0.0.1:8554/live/cam RTSP/1.0', 'CSeq: 1', 'User-Agent: Lavf59.27.100']),
      message(
        [
          'ANNOUNCE rtsp://127.0.0.1:8554/live/cam RTSP/1.0',
          'Content-Type: application/sdp',
          'CSeq: 2',
          'User-Agent: Lavf59.27.100',
          'Content-Length: 495',
        ],
        ffmpegAnnounce,
      ),
      message([
        'SETUP rtsp://127.0.0.1:8554/live/cam/streamid=0 RTSP/1.0',
        'Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record',
        'CSeq: 3',
        'User-Agent: Lavf59.27.100',
        'Session: 12345678',
      ]),
    ]),
    found: [
      'OPTIONS rtsp://127.0.0.1:8554/live/cam 1.0 cseq=1 user-agent=Lavf59.27.100 body=0',
      'ANNOUNCE rtsp://127.0.0.1:8554/live/cam 1.0 content-type=application/sdp cseq=2 user-agent=Lavf59.27.100 content-length=495 body=495',
      'SETUP rtsp://127.0.0.1:8554/live/cam/streamid=0 1.0 transport=RTP/AVP/TCP;unicast;interleaved=0-1;mode=record cseq=3 user-agent=Lavf59.27.100 session=12345678 body=0',
    ],
  },
  {
    name: 'the way to RECORD',
    origin: 'GStreamer 1.22.0, rtspclientsink over TCP; the port in the URLs made 8554',
    bytes: Buffer.concat([
      message([
        'SETUP rtsp://127.0.0.1:8554/live/cam/stream=0 RTSP/1.0',
        'CSeq: 3',
        'User-Agent: GStreamer/1.22.0',
        'Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=RECORD',
        'Session: 12345678',
        'Date: Sat, 21 Nov 2026 03:55:13 GMT',
      ]),
      message([
        'RECORD rtsp://127.0.0.1:8554/live/cam RTSP/1.0',
        'CSeq: 4',
        'User-Agent: GStreamer/1.22.0',
        'Session: 12345678',
        'Date: Sat, 21 Nov 2026 03:55:13 GMT',
      ]),
    ]),
    found: [
      'SETUP rtsp://127.0.0.1:8554/live/cam/stream=0 1.0 cseq=3 user-agent=GStreamer/1.22.0 transport=RTP/AVP/TCP;unicast;interleaved=0-1;mode=RECORD session=12345678 date=Sat, 21 Nov 2026 03:55:13 GMT body=0',
      'RECORD rtsp://127.0.0.1:8554/live/cam 1.0 cseq=4 user-agent=GStreamer/1.22.0 session=12345678 date=Sat, 21 Nov 2026 03:55:13 GMT body=0',
    ],
  },
  {
    name: 'empty lines, a header that stands twice, names in any letters',
    origin: 'RFC 2326 4 and 4.2, made by hand',
    bytes: Buffer.concat([
      Buffer.from('\r\n\r\n'),
      message([
        'RTSP/1.0 401 Unauthorized',
        'cSEQ:9',
        'WWW-Authenticate: Basic realm="a"',
        'www-authenticate: Digest x=1',
      ]),
    ]),
    found: ['401 Unauthorized 1.0 cseq=9 www-authenticate=Basic realm="a", Digest x=1 body=0'],
  },
];

export const transportVectors = [
  {
    origin: 'RFC 2326 12.39',
    header: 'RTP/AVP;multicast;ttl=127;mode="PLAY",RTP/AVP;unicast;client_port=3456-3457;mode="PLAY"',
    offers: [
      { protocol: 'udp', multicast: true, clientPort: undefined, mode: 'play' },
      { protocol: 'udp', multicast: false, clientPort: [3456, 3457], mode: 'play' },
    ],
  },
  {
    origin: 'ffmpeg 5.1.9, publishing over TCP',
    header: 'RTP/AVP/TCP;unicast;interleaved=2-3;mode=record',
    offers: [{ protocol: 'tcp', multicast: false, interleaved: [2, 3], mode: 'record' }],
  },
  {
    origin: 'RFC 2326 10.4, with an ssrc made by hand',
    header: 'RAW/RAW/UDP;client_port=1,RTP/SAVP;unicast;client_port=4588;server_port=6256-6257;ssrc=1A2b',
    offers: [{ protocol: 'udp', secure: true, clientPort: [4588, 4589], serverPort: [6256, 6257], ssrc: 0x1a2b }],
  },
];
