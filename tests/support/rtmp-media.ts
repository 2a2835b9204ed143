import { Buffer } from 'node:buffer';
import { writeAvcRecord } from '../../wire/codec-records/avc-record.ts';
import { audioFrameHeader, videoFrameHeader, writeAudioConfig, writeVideoConfig } from '../../wire/flv/tag.ts';
import { fakeAac, fakeH264 } from './fake-media.ts';
import type { RtmpTestClient } from './rtmp-client.ts';

const { sps, pps, profile, constraints, level, chromaFormat, bitDepthLuma, bitDepthChroma } = fakeH264();
const high = { chromaFormat, bitDepthLuma, bitDepthChroma, spsExtensions: [] };

/** The sequence header of the fake H.264 (1280x720). */
export const avcConfig = writeVideoConfig(
  'h264',
  writeAvcRecord({ profile, compatibility: constraints, level, lengthSize: 4, sps, pps, high }),
);
export const aacConfig = writeAudioConfig('aac', fakeAac().config);

/** A video message whose NAL unit holds `number`; IDR when `keyframe`. */
export function videoTag(number: number, keyframe: boolean, size = 200, composition = 0): Buffer {
  const nal = Buffer.alloc(Math.max(8, size), number & 0xff);
  nal[0] = keyframe ? 0x65 : 0x41;
  nal.writeUInt32BE(number, 1);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(nal.length);
  return Buffer.concat([videoFrameHeader('h264', keyframe, composition), length, nal]);
}

/** The number that `videoTag` wrote; -1 for a sequence header. */
export function tagNumber(payload: Buffer): number {
  return payload[1] === 1 ? payload.readUInt32BE(5 + 4 + 1) : -1;
}

export function audioTag(number: number, size = 40): Buffer {
  const frame = Buffer.alloc(Math.max(4, size), 7);
  frame.writeUInt32BE(number);
  return Buffer.concat([audioFrameHeader('aac'), frame]);
}

/** Sends sequence headers and `count` frames of both kinds from frame `from` on; a key frame every `group`. */
export function sendMovie(
  client: RtmpTestClient,
  streamId: number,
  options: { from?: number; count: number; group?: number; size?: number; headers?: boolean },
): void {
  const { from = 0, count, group = 30, size = 200, headers = from === 0 } = options;
  if (headers) {
    client.sendMedia('video', streamId, from * 33, avcConfig);
    client.sendMedia('audio', streamId, from * 33, aacConfig);
  }
  for (let number = from; number < from + count; number += 1) {
    client.sendMedia('video', streamId, number * 33, videoTag(number, number % group === 0, size));
    client.sendMedia('audio', streamId, number * 33 + 5, audioTag(number));
  }
}
