import { Buffer } from 'node:buffer';
import type { OpusCodec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';

/** The encoder delay of libopus at 48 kHz, which nearly every encoder is: for sources that tell no pre-skip (RTP). */
const USUAL_PRE_SKIP = 312;

export type OpusParameters = {
  readonly channels: number;
  /** Samples at 48 kHz. */
  readonly preSkip?: number | undefined;
  /** An OpusHead (RFC 7845 5.1); its pre-skip counts when `preSkip` is left out. */
  readonly head?: Buffer | undefined;
};

/** The descriptor of an Opus track. More than two channels need a head. Throws `CodecError`. */
export function opusCodec(parameters: OpusParameters): OpusCodec {
  const { channels, head } = parameters;
  const read = head === undefined ? undefined : parseOpusHead(head);
  if (read !== undefined && read.channels !== channels) {
    throw new CodecError('malformed', 'opus', `${channels} channels, and a head for ${read.channels}`);
  }
  const preSkip = parameters.preSkip ?? read?.preSkip ?? USUAL_PRE_SKIP;
  if (!Number.isInteger(channels) || channels < 1 || channels > 255)
    throw new CodecError('malformed', 'opus', `${channels} channels`);
  if (channels > 2 && head === undefined) {
    throw new CodecError('malformed', 'opus', `${channels} channels without a channel mapping`); // RFC 7845 5.1.1
  }
  if (!Number.isInteger(preSkip) || preSkip < 0 || preSkip > 0xffff)
    throw new CodecError('malformed', 'opus', `pre-skip ${preSkip}`);
  return Object.freeze({
    kind: 'audio',
    name: 'opus',
    sampleRate: 48000,
    channels,
    preSkip,
    head: head === undefined ? undefined : Buffer.from(head),
    codecString: 'opus',
  });
}

/** RFC 7845 5.1. Throws `CodecError`. */
export function parseOpusHead(head: Buffer): {
  readonly channels: number;
  readonly preSkip: number;
  readonly family: number;
} {
  if (head.length < 19 || head.toString('latin1', 0, 8) !== 'OpusHead')
    throw new CodecError('malformed', 'opus', 'no OpusHead');
  if (head.readUInt8(8) >> 4 !== 0) throw new CodecError('unsupported', 'opus', `head version ${head.readUInt8(8)}`);
  const channels = head.readUInt8(9);
  const family = head.readUInt8(18);
  if (channels === 0 || (family === 0 && channels > 2))
    throw new CodecError('malformed', 'opus', `${channels} channels in family ${family}`);
  if (family !== 0 && head.length < 21 + channels)
    throw new CodecError('malformed', 'opus', 'the channel mapping is cut short');
  return { channels, preSkip: head.readUInt16LE(10), family };
}
