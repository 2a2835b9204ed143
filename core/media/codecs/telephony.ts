import type { TelephonyCodec } from './codec-descriptor.ts';
import { CodecError } from './codec-error.ts';

export type PcmCodecName = 'pcmu' | 'pcma' | 'g722' | 'g729';

const MAX_CHANNELS = 8;

/** The descriptor of a G.711, G.722 or G.729 track. Rate and channels when left out: 8000 Hz (G.722: 16000), mono. */
export function pcmCodec<Name extends PcmCodecName>(
  name: Name,
  parameters: { readonly sampleRate?: number; readonly channels?: number } = {},
): TelephonyCodec<Name> {
  return telephonyCodec(name, parameters.sampleRate ?? (name === 'g722' ? 16000 : 8000), parameters.channels ?? 1);
}

/** The descriptor of a Speex track: 8000, 16000 or 32000 Hz (RFC 5574 3.3). */
export function speexCodec(parameters: {
  readonly sampleRate: number;
  readonly channels?: number;
}): TelephonyCodec<'speex'> {
  if (![8000, 16000, 32000].includes(parameters.sampleRate)) {
    throw new CodecError('malformed', 'speex', `${parameters.sampleRate} Hz`);
  }
  return telephonyCodec('speex', parameters.sampleRate, parameters.channels ?? 1);
}

function telephonyCodec<Name extends TelephonyCodec<PcmCodecName | 'speex'>['name']>(
  name: Name,
  sampleRate: number,
  channels: number,
): TelephonyCodec<Name> {
  if (!Number.isInteger(sampleRate) || sampleRate < 1000 || sampleRate > 192_000) {
    throw new CodecError('malformed', name, `${sampleRate} Hz`);
  }
  if (!Number.isInteger(channels) || channels < 1 || channels > MAX_CHANNELS) {
    throw new CodecError('malformed', name, `${channels} channels`);
  }
  return Object.freeze({ kind: 'audio', name, sampleRate, channels, codecString: name });
}
