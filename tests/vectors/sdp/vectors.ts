import { readFileSync } from 'node:fs';

export interface SdpVector {
  readonly name: string;
  readonly origin: string;
  readonly text: string;
  /** What is found, in the form of `summarise`. */
  readonly found: readonly string[];
}

/** With the line ends that go on the wire. */
function lines(...list: readonly string[]): string {
  return list.map((line) => `${line}\r\n`).join('');
}

/** A capture, kept with plain line ends. */
function captured(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8').replaceAll('\n', '\r\n');
}

const h264Feedback = '[goog-remb|transport-cc|ccm fir|nack|nack pli]';

export const sdpVectors: readonly SdpVector[] = [
  {
    name: 'a call',
    origin: 'RFC 8866 5',
    text: lines(
      'v=0',
      'o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1',
      's=Call to John Smith',
      'i=SDP Offer #1',
      'u=http://www.jdoe.example.com/home.html',
      'e=Jane Doe <jane@jdoe.example.com>',
      'p=+1 617 555-6011',
      'c=IN IP4 198.51.100.1',
      't=0 0',
      'm=audio 49170 RTP/AVP 0',
      'm=audio 49180 RTP/AVP 0',
      'm=video 51372 RTP/AVP 99',
      'c=IN IP6 2001:db8::2',
      'a=rtpmap:99 h263-1998/90000',
    ),
    found: [
      'jdoe 3724394400 3724394405 198.51.100.1 "Call to John Smith" c=198.51.100.1',
      'audio 49170 RTP/AVP',
      ' 0 PCMU/8000/1',
      'audio 49180 RTP/AVP',
      ' 0 PCMU/8000/1',
      'video 51372 RTP/AVP c=2001:db8::2',
      ' 99 h263-1998/90000',
    ],
  },
  {
    name: 'simulcast',
    origin: 'RFC 8853 6.6.1',
    text: lines(
      'v=0',
      'o=alice 2362969037 2362969040 IN IP4 192.0.2.156',
      's=Simulcast-Enabled Client',
      'c=IN IP4 192.0.2.156',
      't=0 0',
      'm=audio 49200 RTP/AVP 0',
      'a=rtpmap:0 PCMU/8000',
      'm=video 49300 RTP/AVP 97 98',
      'a=rtpmap:97 H264/90000',
      'a=rtpmap:98 H264/90000',
      'a=fmtp:97 profile-level-id=42c01f;max-fs=3600;max-mbps=108000',
      'a=fmtp:98 profile-level-id=42c00b;max-fs=240;max-mbps=3600',
      'a=imageattr:97 send [x=1280,y=720] recv [x=1280,y=720]',
      'a=imageattr:98 send [x=320,y=180] recv [x=320,y=180]',
      'a=rid:1 send pt=97',
      'a=rid:2 send pt=98',
      'a=rid:3 recv pt=97',
      'a=simulcast:send 1;2 recv 3',
      'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
    ),
    found: [
      'alice 2362969037 2362969040 192.0.2.156 "Simulcast-Enabled Client" c=192.0.2.156',
      'audio 49200 RTP/AVP',
      ' 0 PCMU/8000',
      'video 49300 RTP/AVP',
      ' 97 H264/90000 profile-level-id=42c01f;max-fs=3600;max-mbps=108000',
      ' 98 H264/90000 profile-level-id=42c00b;max-fs=240;max-mbps=3600',
    ],
  },
  {
    name: 'a multicast session with a TTL and port counts',
    origin: 'RFC 8866 5.7 and 5.14, put together',
    text: lines(
      'v=0',
      'o=- 20518 0 IN IP4 203.0.113.1',
      's= ',
      't=3724394400 3724398000',
      'c=IN IP4 233.252.0.1/127/3',
      'b=AS:512',
      'm=video 49170/2 RTP/AVP 31',
      'b=X-YZ:128',
      'm=audio 0 RTP/AVP 14 18',
    ),
    found: [
      '- 20518 0 203.0.113.1 "" c=233.252.0.1/127/3 b=AS:512 t=3724394400-3724398000',
      'video 49170/2 RTP/AVP b=X-YZ:128',
      ' 31 H261/90000',
      'audio 0 RTP/AVP',
      ' 14 MPA/90000',
      ' 18 G729/8000/1',
    ],
  },
  {
    name: 'an ANNOUNCE of H.265, G.711 and Opus',
    origin: 'ffmpeg 5.1.9, captured',
    text: captured('ffmpeg.sdp'),
    found: [
      '- 0 0 127.0.0.1 "No Name" c=127.0.0.1',
      'video 0 RTP/AVP',
      ' 96 H265/90000 sprop-vps=QAEMAf//BAgAAAMAnggAAAMAAB6VmAk=;sprop-sps=QgEBBAgAAAMAnggAAAMAAB6QAoQPLLKzSSZXgLcCAgAEAAADAAQAAAMAZCA=;sprop-pps=RAHBcoYMRiQ=',
      'audio 0 RTP/AVP b=AS:64',
      ' 0 PCMU/8000/1',
      'audio 0 RTP/AVP b=AS:64',
      ' 98 opus/48000/2',
    ],
  },
  {
    name: 'an ANNOUNCE of Opus and H.264',
    origin: 'GStreamer 1.22 rtspclientsink, captured; the host is renamed',
    text: captured('gstreamer.sdp'),
    found: [
      '- 3368202349 1 127.0.0.1 "Session streamed with GStreamer"',
      'audio 0 RTP/AVP c=0.0.0.0 b=AS:64',
      ' 96 OPUS/48000/2 sprop-stereo=0;sprop-maxcapturerate=48000',
      'video 0 RTP/AVP c=0.0.0.0 b=AS:2097',
      ' 99 H264/90000 packetization-mode=1;sprop-parameter-sets=Z/QADZDZZAUH7AWoMDAyAAADAAIAAAMAeR4oVJA=,aOvMRIRA;profile-level-id=f4000d;level-asymmetry-allowed=1',
    ],
  },
  {
    name: 'an offer of video, audio and a data channel',
    origin: 'Chromium 156, captured',
    text: captured('chromium.sdp'),
    found: [
      '- 1428107210766322740 2 127.0.0.1 ""',
      'video 9 UDP/TLS/RTP/SAVPF c=0.0.0.0',
      ` 96 VP8/90000 ${h264Feedback}`,
      ' 97 rtx/90000 apt=96',
      ...['102 1 42001f 103', '104 0 42001f 107', '108 1 42e01f 109', '114 0 42e01f 115', '116 1 4d001f 117']
        .concat('39 0 4d001f 40')
        .flatMap((row) => {
          const [type, mode, profile, repair] = row.split(' ');
          return [
            ` ${type} H264/90000 level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile} ${h264Feedback}`,
            ` ${repair} rtx/90000 apt=${type}`,
          ];
        }),
      ` 45 AV1/90000 level-idx=5;profile=0;tier=0 ${h264Feedback}`,
      ' 46 rtx/90000 apt=45',
      ` 98 VP9/90000 profile-id=0 ${h264Feedback}`,
      ' 99 rtx/90000 apt=98',
      ` 100 VP9/90000 profile-id=2 ${h264Feedback}`,
      ' 101 rtx/90000 apt=100',
      ' 118 red/90000',
      ' 119 rtx/90000 apt=118',
      ' 120 ulpfec/90000',
      'audio 9 UDP/TLS/RTP/SAVPF c=0.0.0.0',
      ' 111 opus/48000/2 minptime=10;useinbandfec=1 [transport-cc]',
      ' 63 red/48000/2 111/111',
      ' 9 G722/8000',
      ' 0 PCMU/8000',
      ' 8 PCMA/8000',
      ' 13 CN/8000',
      ' 110 telephone-event/48000',
      ' 126 telephone-event/8000',
      'application 9 UDP/DTLS/SCTP c=0.0.0.0',
    ],
  },
  {
    name: 'a camera with quirks',
    origin: 'made up of what cameras are known to send',
    text: [
      'v=0',
      ' o=RTSP Session 1409586239 1 IN IP4 192.168.1.64',
      's=',
      'e=NONE',
      'c=IN IP4 0.0.0.0',
      'a=control:*',
      '',
      'm=video 0 RTP/AVP 96 ',
      'b = AS:5100',
      'a=rtpmap: 96 H264/90000',
      'a=fmtp:96  profile-level-id=420029 ; packetization-mode=1; sprop-parameter-sets=Z00AHw==,aO48gA==;',
      'a=Media_header:MEDIAINFO=494D4B48',
      'm=audio 0  RTP/AVP 8',
      'a=rtpmap:8 PCMA/8000 ',
      'a=recvonly',
      'a=control: rtsp://192.168.1.64/audio',
      'm=application 0 RTP/AVP 107',
      'a=rtpmap:107 vnd.onvif.metadata/90000',
    ].join('\n'),
    found: [
      'RTSP Session 1409586239 1 192.168.1.64 "" c=0.0.0.0',
      'video 0 RTP/AVP b=AS:5100',
      ' 96 H264/90000 profile-level-id=420029;packetization-mode=1;sprop-parameter-sets=Z00AHw==,aO48gA==',
      'audio 0 RTP/AVP',
      ' 8 PCMA/8000',
      'application 0 RTP/AVP',
      ' 107 vnd.onvif.metadata/90000',
    ],
  },
];

/** A publisher's offer of three sizes: Chromium 156, captured. */
export const simulcastOffer = captured('chromium-simulcast.sdp');
