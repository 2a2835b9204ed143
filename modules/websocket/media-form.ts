import { Buffer } from 'node:buffer';
import type { AccessUnit, SharedForm } from '../../core/media/access-unit.ts';
import type { CodecDescriptor, H264Codec } from '../../core/media/codecs/codec-descriptor.ts';
import { writeAvcRecord } from '../../wire/codec-records/avc-record.ts';
import { withLengths } from '../../wire/codec-records/nal.ts';
import { videoFrameHeader, writeVideoConfig } from '../../wire/flv/tag.ts';
import { mediaFrameHeader } from '../../wire/wcs/media-frame.ts';

/** First byte of an audio payload. */
const audioConfig = Buffer.from([0]);
const audioFrame = Buffer.from([1]);

/**
 * A unit as a player over a binary WebSocket takes it. Before every key frame stands the decoder's configuration: that is
 * where the player cuts its fragments.
 */
export const mediaForm: SharedForm<Buffer> = { name: 'websocket media', make: frameBytes };

/** Milliseconds of stream time, the same for every player. */
function timestampOf(unit: AccessUnit): number {
  return Math.round(unit.dts / 1_000);
}

function frameBytes(unit: AccessUnit): Buffer {
  const { codec } = unit;
  const timestamp = timestampOf(unit);
  if (codec.kind === 'audio') {
    return Buffer.concat([mediaFrameHeader('audio', timestamp, unit.size + 1), audioFrame, ...unit.parts]);
  }
  if (codec.name !== 'h264') throw new TypeError(`${codec.name} has no place in this format`);
  const body = [videoFrameHeader('h264', unit.keyframe, 0), ...withLengths(unit.parts)];
  const length = body.reduce((sum, piece) => sum + piece.length, 0);
  const frame = [mediaFrameHeader('video', timestamp, length), ...body];
  if (!unit.keyframe) return Buffer.concat(frame);
  const config = writeVideoConfig('h264', avcRecord(codec));
  return Buffer.concat([mediaFrameHeader('video', timestamp, config.length), config, ...frame]);
}

/** The audio configuration in front of `unit`; undefined for codecs that need none. */
export function audioConfigBytes(codec: CodecDescriptor, unit: AccessUnit): Buffer | undefined {
  if (codec.name !== 'aac') return undefined;
  const header = mediaFrameHeader('audio', timestampOf(unit), codec.config.length + 1);
  return Buffer.concat([header, audioConfig, codec.config]);
}

/**
 * Without the extension of the High profiles: the player reads the next unit right behind the parameter sets, wherever the
 * record ends. What it says stands in the SPS as well.
 */
function avcRecord({ sps, pps, profile, level, constraints }: H264Codec): Buffer {
  return writeAvcRecord({ profile, compatibility: constraints, level, lengthSize: 4, sps, pps });
}
