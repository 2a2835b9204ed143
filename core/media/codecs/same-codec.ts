import { Buffer } from 'node:buffer';
import type { CodecDescriptor } from './codec-descriptor.ts';

/** Whether two descriptors set up a decoder alike: every field equal, parameter sets byte for byte. */
export function sameCodec(a: CodecDescriptor, b: CodecDescriptor): boolean {
  if (a === b) return true;
  if (a.name !== b.name) return false;
  const fields = Object.entries(b);
  if (fields.length !== Object.keys(a).length) return false;
  const left = new Map<string, unknown>(Object.entries(a));
  for (const [name, value] of fields) if (!sameField(left.get(name), value)) return false;
  return true;
}

function sameField(a: unknown, b: unknown): boolean {
  if (Buffer.isBuffer(a)) return Buffer.isBuffer(b) && a.equals(b);
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameField(item, b[index]));
  }
  return a === b;
}
