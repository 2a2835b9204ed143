import type { NtpTime } from './packet.ts';

/** Seconds from 1900 to 1970. */
const epochs = 2_208_988_800;
const fractions = 2 ** 32;

/** Unix time in µs as NTP time (RFC 3550 4). The era wraps in 2036; seconds are modulo 2^32. */
export function ntpFromUnix(micros: number): NtpTime {
  const whole = Math.floor(micros / 1_000_000);
  const fraction = Math.floor(((micros - whole * 1_000_000) * fractions) / 1_000_000);
  return { seconds: (whole + epochs) >>> 0, fraction };
}

/** NTP time as Unix time in µs, rounded. Seconds without the top bit are of the era that begins in 2036 (RFC 4330 3). */
export function unixFromNtp(ntp: NtpTime): number {
  const era = ntp.seconds < 0x8000_0000 ? fractions : 0;
  return (ntp.seconds + era - epochs) * 1_000_000 + Math.round((ntp.fraction * 1_000_000) / fractions);
}

/** The middle 32 bits, which a receiver report gives back (RFC 3550 6.4.1 LSR). */
export function compactNtp(ntp: NtpTime): number {
  return ((ntp.seconds << 16) | (ntp.fraction >>> 16)) >>> 0;
}
