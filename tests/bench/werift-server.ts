/**
 * The yardstick: werift's own RTCPeerConnection for each viewer, fed with the packets that our server makes of the same clip. It takes
 * in no stream: whoever publishes costs it nothing. Told its port and the clip as arguments.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  MediaStreamTrack,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
  useH264,
  useNACK,
  useOPUS,
  usePLI,
  useSdesMid,
  useTransportWideCC,
  useTWCC,
} from 'werift';
import { readAvcRecord } from '../../wire/codec-records/avc-record.ts';
import { FlvFileReader, flvTagType } from '../../wire/flv/file.ts';
import { packetizeH264 } from '../../wire/rtp/payload/nal-packetizer.ts';
import { makeStamp, sharedNow } from './stamp.ts';

const [port, clip = ''] = process.argv.slice(2);
const longestPayload = 1_150;
/** Sound as our server makes it of the clip's: Opus of 20 ms. */
const sound = { length: 160, millis: 20 };
const video = new MediaStreamTrack({ kind: 'video' });
const audio = new MediaStreamTrack({ kind: 'audio' });

interface Picture {
  readonly millis: number;
  readonly nals: readonly Buffer[];
}

function readPictures(): readonly Picture[] {
  const reader = new FlvFileReader();
  reader.push(readFileSync(clip));
  const pictures: Picture[] = [];
  let sets: readonly Buffer[] = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    if (tag.type !== flvTagType.video) continue;
    if (tag.body[1] === 0) {
      const record = readAvcRecord(tag.body.subarray(5));
      sets = [...record.sps, ...record.pps];
    } else if (tag.body[1] === 1) {
      const nals = (tag.body[0] ?? 0) >> 4 === 1 ? [...sets] : [];
      for (let at = 5; at + 4 <= tag.body.length; ) {
        const end = at + 4 + tag.body.readUInt32BE(at);
        nals.push(tag.body.subarray(at + 4, end));
        at = end;
      }
      pictures.push({ millis: tag.timestamp, nals });
    }
  }
  return pictures;
}

const sequences = { video: 1_000, audio: 1_000 };

function send(track: MediaStreamTrack, timestamp: number, marker: boolean, payload: Buffer): void {
  const isVideo = track === video;
  const sequenceNumber = (isVideo ? sequences.video++ : sequences.audio++) & 0xffff;
  const header = new RtpHeader({ sequenceNumber, timestamp: timestamp >>> 0, marker, payloadType: isVideo ? 96 : 111 });
  track.writeRtp(new RtpPacket(header, payload));
}

async function run(): Promise<void> {
  const pictures = readPictures();
  const turn = Math.max(...pictures.map(({ millis }) => millis)) + 33;
  const start = sharedNow();
  const soundBytes = Buffer.alloc(sound.length, 0x5a);
  let sounds = 0;
  for (let number = 0; ; number += 1) {
    const picture = pictures[number % pictures.length] as Picture;
    const millis = Math.floor(number / pictures.length) * turn + picture.millis;
    const wait = start + millis - sharedNow();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    for (; sounds * sound.millis <= millis; sounds += 1) send(audio, sounds * sound.millis * 48, false, soundBytes);
    const payloads = packetizeH264([...picture.nals, makeStamp(number).subarray(4)], longestPayload);
    for (const [index, payload] of payloads.entries()) {
      send(video, millis * 90, index === payloads.length - 1, payload);
    }
  }
}

async function answer(sdp: string): Promise<string> {
  const extensions = [useSdesMid(), useTransportWideCC()];
  const rtcpFeedback = [useTWCC(), useNACK(), usePLI()];
  const pc = new RTCPeerConnection({
    codecs: {
      video: [
        useH264({ payloadType: 96, rtcpFeedback }),
        new RTCRtpCodecParameters({ mimeType: 'video/rtx', clockRate: 90_000, payloadType: 97 }),
      ],
      audio: [useOPUS({ payloadType: 111, rtcpFeedback: [useTWCC()] })],
    },
    headerExtensions: { video: extensions, audio: extensions },
    iceServers: [],
    iceUseIpv6: false,
    iceUseTcp: false,
    iceLite: true,
    iceAdditionalHostAddresses: ['127.0.0.1'],
  });
  await pc.setRemoteDescription({ type: 'offer', sdp });
  for (const transceiver of pc.getTransceivers()) {
    transceiver.setDirection('sendonly');
    await transceiver.sender.replaceTrack(transceiver.kind === 'video' ? video : audio);
  }
  await pc.setLocalDescription(await pc.createAnswer());
  return pc.localDescription?.sdp ?? '';
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(201, { location: '/' }).end(await answer(await text(request)));
}

createServer((request, response) => void respond(request, response)).listen(Number(port), '127.0.0.1');
void run();
