export type Bytes = Uint8Array<ArrayBuffer>;

/** A box of ISO/IEC 14496-12 with its content, piece by piece. */
export function box(type: string, ...content: readonly Bytes[]): Bytes {
  const length = content.reduce((sum, piece) => sum + piece.length, 8);
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes.set(letters(type), 4);
  let at = 8;
  for (const piece of content) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** A box with version and flags. */
export function fullBox(type: string, version: number, flags: number, ...content: readonly Bytes[]): Bytes {
  return box(type, u32((version << 24) | flags), ...content);
}

export function letters(text: string): Bytes {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export function u8(...values: readonly number[]): Bytes {
  return Uint8Array.from(values);
}

export function u16(...values: readonly number[]): Bytes {
  return Uint8Array.from(values.flatMap((value) => [(value >> 8) & 255, value & 255]));
}

export function u32(...values: readonly number[]): Bytes {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setUint32(index * 4, value);
  });
  return bytes;
}

export function u64(value: number): Bytes {
  return u32(Math.floor(value / 2 ** 32), value % 2 ** 32);
}

export function zeros(length: number): Bytes {
  return new Uint8Array(length);
}
