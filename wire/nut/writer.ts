import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { nutChecksum } from './crc.ts';
import { flag, format, idString, type NutStream, pipeMode, startcode } from './nut.ts';
import { NutFields, varintLength, writeVarint } from './variable-length.ts';

/** Frame codes that the writer uses: everything is told in each frame. The others are invalid. */
const frameCode = { key: 1, other: 2 } as const;
const told = flag.streamId | flag.codedPts | flag.sizeMsb | flag.checksum;

/** Below 2^7 a coded pts would be taken for its lowest bits alone (NUT "coded_pts"). */
const msbPtsShift = 7;

const maxStreams = 16;

/**
 * Writes NUT for a pipe: version 4 in pipe mode. One syncpoint follows the headers and none comes later, so a
 * reader that keeps a list of them does not grow for days.
 */
export class NutWriter {
  readonly #streams: readonly NutStream[];

  constructor(streams: readonly NutStream[]) {
    if (streams.length === 0 || streams.length > maxStreams) {
      throw new WireError('too-large', format, `${streams.length} streams`);
    }
    this.#streams = streams;
  }

  /** Everything in front of the first frame: NUT "file", "main_header", "stream_header", "syncpoint". */
  header(): Buffer {
    const streams = this.#streams.map((stream, index) =>
      writePacket(startcode.stream, this.#streamHeader(stream, index)),
    );
    // global_key_pts 0 in time base 0, back_ptr_div16 0: there is nothing before it
    const syncpoint = writePacket(startcode.syncpoint, new NutFields().v(0).v(0).toBuffer());
    return Buffer.concat([
      Buffer.from(idString, 'latin1'),
      writePacket(startcode.main, this.#mainHeader()),
      ...streams,
      syncpoint,
    ]);
  }

  /** The bytes in front of a frame's payload of `size` bytes. `pts` is in the stream's ticks and not negative. */
  frameHeader(stream: number, pts: number, keyframe: boolean, size: number): Buffer {
    const coded = pts + (1 << msbPtsShift);
    const length = 1 + varintLength(stream) + varintLength(coded) + varintLength(size) + 4;
    const bytes = Buffer.allocUnsafe(length);
    bytes[0] = keyframe ? frameCode.key : frameCode.other;
    let at = writeVarint(bytes, 1, stream);
    at = writeVarint(bytes, at, coded);
    at = writeVarint(bytes, at, size); // data_size_msb: with data_size_mul 1 it is the whole size
    bytes.writeUInt32BE(nutChecksum(bytes, 0, at), at);
    return bytes;
  }

  #mainHeader(): Buffer {
    const fields = new NutFields().v(4).v(1).v(this.#streams.length).v(65_536).v(this.#streams.length);
    for (const { timeBase } of this.#streams) fields.v(timeBase.numerator).v(timeBase.denominator);
    // Runs of frame codes: flags, number of fields told, pts delta, size mul, stream, size lsb, reserved, count.
    const run = (flags: number, count: number): void => {
      fields.v(flags).v(6).s(0).v(1).v(0).v(0).v(0).v(count);
    };
    run(flag.invalid, 1);
    run(told | flag.key, 1);
    run(told, 1);
    run(flag.invalid, 256 - 3 - 1); // `N` is left out by the reader
    fields.v(0); // header_count_minus1
    fields.v(pipeMode);
    return fields.toBuffer();
  }

  #streamHeader(stream: NutStream, index: number): Buffer {
    const fields = new NutFields()
      .v(index)
      .v(stream.kind === 'video' ? 0 : 1)
      .vb(Buffer.from(stream.fourcc, 'latin1'))
      .v(index) // time_base_id
      .v(msbPtsShift)
      .v(1) // max_pts_distance: every frame has a checksum
      .v(0) // decode_delay: the decoder knows
      .v(0) // stream_flags
      .vb(stream.codecData);
    if (stream.kind === 'video') {
      return fields
        .v(stream.width ?? 0)
        .v(stream.height ?? 0)
        .v(0)
        .v(0)
        .v(0)
        .toBuffer();
    }
    return fields
      .v(stream.sampleRate ?? 0)
      .v(1)
      .v(stream.channels ?? 0)
      .toBuffer();
  }
}

/** NUT "packet": startcode, length of what follows, its checksum where it is long, the fields and their checksum. */
export function writePacket(code: readonly [number, number], fields: Buffer): Buffer {
  const forward = fields.length + 4;
  const long = forward > 4096;
  const head = Buffer.alloc(8 + varintLength(forward) + (long ? 4 : 0));
  head.writeUInt32BE(code[0], 0);
  head.writeUInt32BE(code[1], 4);
  const at = writeVarint(head, 8, forward);
  if (long) head.writeUInt32BE(nutChecksum(head, 0, at), at);
  const foot = Buffer.alloc(4);
  foot.writeUInt32BE(nutChecksum(fields, 0, fields.length));
  return Buffer.concat([head, fields, foot]);
}
