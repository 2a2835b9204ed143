import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';

/** registration_descriptor (ISO/IEC 13818-1 2.6.8) of a four-letter format: `HEVC`, `Opus`, `KLVA`. */
export function registrationDescriptor(formatIdentifier: string): Buffer {
  if (formatIdentifier.length !== 4) throw new WireError('malformed', 'mpegts', 'a format_identifier has four letters');
  return Buffer.from(`\x05\x04${formatIdentifier}`, 'latin1');
}

/**
 * The descriptors of an Opus track: registration and the extension descriptor of ETSI TS "Opus Transport Multiplexing"
 * draft 0.1.3, table 4-2, with channel_config_code: 1 to 8 channels in the order of RFC 7845 5.1.1.2.
 */
export function opusDescriptors(channels: number): Buffer {
  if (channels < 1 || channels > 8) throw new WireError('unsupported', 'mpegts', `Opus of ${channels} channels`);
  return Buffer.concat([registrationDescriptor('Opus'), Buffer.of(0x7f, 0x02, 0x80, channels)]); // Once a track
}

/** The content of the first descriptor with this tag, as a view. */
export function findDescriptor(descriptors: Buffer, tag: number): Buffer | undefined {
  let at = 0;
  while (at + 2 <= descriptors.length) {
    const length = descriptors[at + 1] ?? 0;
    if (at + 2 + length > descriptors.length) return undefined;
    if (descriptors[at] === tag) return descriptors.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
  return undefined;
}

/** The format_identifier of a track's registration descriptor. */
export function findRegistration(descriptors: Buffer): string | undefined {
  const content = findDescriptor(descriptors, 0x05);
  return content === undefined || content.length < 4 ? undefined : content.toString('latin1', 0, 4);
}

/** The channels of an Opus track by its extension descriptor; 0 is dual mono, which counts two. */
export function findOpusChannels(descriptors: Buffer): number | undefined {
  const content = findDescriptor(descriptors, 0x7f);
  const code = content?.[0] === 0x80 ? content[1] : undefined;
  if (code === undefined || code > 8) return undefined;
  return code === 0 ? 2 : code;
}
