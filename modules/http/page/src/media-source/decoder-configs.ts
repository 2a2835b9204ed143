/** What a track of fragmented MP4 tells of its decoder. */
export interface TrackDescription {
  readonly kind: 'video' | 'audio';
  /** RFC 6381 */
  readonly codec: string;
  readonly config: Uint8Array<ArrayBuffer>;
  /** Ticks a second of the track's times. */
  readonly timescale: number;
  /** Pixels; 0 of audio. */
  readonly width: number;
  readonly height: number;
  /** 0 of video. */
  readonly channels: number;
}

const sampleRates = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

/** AVCDecoderConfigurationRecord. ISO/IEC 14496-15 5.3.3. */
export function describeVideo(config: Uint8Array<ArrayBuffer>): TrackDescription {
  const hex = (at: number): string => (config[at] ?? 0).toString(16).padStart(2, '0');
  const length = ((config[6] ?? 0) << 8) | (config[7] ?? 0);
  const { width, height } = readPictureSize(config.subarray(8, 8 + length));
  const codec = `avc1.${hex(1)}${hex(2)}${hex(3)}`;
  return { kind: 'video', codec, config, timescale: 1_000, width, height, channels: 0 };
}

/** AudioSpecificConfig. ISO/IEC 14496-3 1.6.2. */
export function describeAudio(config: Uint8Array<ArrayBuffer>): TrackDescription {
  const [first = 0, second = 0] = config;
  const index = ((first & 7) << 1) | (second >> 7);
  const timescale = sampleRates[index] ?? 48_000;
  const channels = (second >> 3) & 15 || 2;
  return { kind: 'audio', codec: `mp4a.40.${first >> 3 || 2}`, config, timescale, width: 0, height: 0, channels };
}

const highProfiles = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Pixels of a sequence parameter set, its NAL unit header included. ISO/IEC 14496-10 7.3.2.1.1. */
export function readPictureSize(sps: Uint8Array): { readonly width: number; readonly height: number } {
  const bits = new Bits(withoutEmulation(sps.subarray(1)));
  const profile = bits.read(8);
  bits.read(16);
  bits.golomb();
  let chroma = 1;
  if (highProfiles.has(profile)) {
    chroma = bits.golomb();
    if (chroma === 3) bits.read(1);
    bits.golomb();
    bits.golomb();
    bits.read(1);
    if (bits.read(1) === 1) skipScaling(bits, chroma === 3 ? 12 : 8);
  }
  bits.golomb();
  const order = bits.golomb();
  if (order === 0) bits.golomb();
  if (order === 1) {
    bits.read(1);
    bits.golomb();
    bits.golomb();
    for (let left = Math.min(255, bits.golomb()); left > 0; left -= 1) bits.golomb();
  }
  bits.golomb();
  bits.read(1);
  const columns = bits.golomb() + 1;
  const rows = bits.golomb() + 1;
  const isProgressive = bits.read(1);
  if (isProgressive === 0) bits.read(1);
  bits.read(1);
  const size = { width: columns * 16, height: rows * 16 * (2 - isProgressive) };
  if (bits.read(1) === 0) return size;
  const [left, right, top, bottom] = [bits.golomb(), bits.golomb(), bits.golomb(), bits.golomb()];
  const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
  const unitY = (chroma === 1 ? 2 : 1) * (2 - isProgressive);
  return { width: size.width - (left + right) * unitX, height: size.height - (top + bottom) * unitY };
}

/** ISO/IEC 14496-10 7.3.2.1.1.1, read past. */
function skipScaling(bits: Bits, lists: number): void {
  for (let list = 0; list < lists; list += 1) {
    if (bits.read(1) === 0) continue;
    let next = 8;
    for (let left = list < 6 ? 16 : 64; left > 0 && next !== 0; left -= 1) next = (next + bits.signedGolomb()) & 255;
  }
}

function withoutEmulation(bytes: Uint8Array): Uint8Array {
  return bytes.filter((byte, at) => !(byte === 3 && at >= 2 && bytes[at - 1] === 0 && bytes[at - 2] === 0));
}

/** Reads zeros past the end. */
class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left -= 1, this.#at += 1) {
      value = (value << 1) | (((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
    }
    return value >>> 0;
  }

  golomb(): number {
    let zeros = 0;
    while (zeros < 31 && this.read(1) === 0) zeros += 1;
    return 2 ** zeros - 1 + this.read(zeros);
  }

  signedGolomb(): number {
    const code = this.golomb();
    return code % 2 === 0 ? -code / 2 : (code + 1) / 2;
  }
}
