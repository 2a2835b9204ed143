import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { readSdp, type SdpDescription, type SdpSection, usualSdpLimits, writeSdp } from '../../wire/sdp/description.ts';
import { formatAttributes, readFormats } from '../../wire/sdp/formats.ts';
import {
  extensionAttribute,
  readExtensions,
  readSourceGroups,
  readSources,
  readStreamIdentities,
  sourceAttributes,
  sourceGroupAttribute,
} from '../../wire/sdp/rtp-attributes.ts';
import { readRids, readSimulcast, ridAttribute, simulcastAttribute } from '../../wire/sdp/simulcast.ts';
import {
  candidateAttribute,
  fingerprintAttribute,
  readCandidates,
  readFingerprints,
  readGroups,
  readIceCredentials,
  readSetup,
} from '../../wire/sdp/transport-attributes.ts';
import { sdpVectors, simulcastOffer } from '../vectors/sdp/vectors.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260805);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 400);

/** Undefined where it was refused as it should be. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
    return undefined;
  }
}

/** What is read is never more than what was there. */
function checkSection(section: SdpSection, length: number): void {
  attempt(() => readStreamIdentities(section));
  attempt(() => readGroups(section));
  attempt(() => readSetup(section));
  attempt(() => readIceCredentials(section));
  const written = [
    ...(attempt(() => readExtensions(section).map(extensionAttribute)) ?? []),
    ...(attempt(() => readSources(section).flatMap(sourceAttributes)) ?? []),
    ...(attempt(() => readSourceGroups(section).map(sourceGroupAttribute)) ?? []),
    ...(attempt(() => readRids(section).map(ridAttribute)) ?? []),
    ...(attempt(() => readCandidates(section).map(candidateAttribute)) ?? []),
    ...(attempt(() => readFingerprints(section).map(fingerprintAttribute)) ?? []),
    ...(attempt(() => [readSimulcast(section)].flatMap((found) => (found ? [simulcastAttribute(found)] : []))) ?? []),
  ];
  const total = written.reduce((sum, { name, value = '' }) => sum + name.length + value.length, 0);
  assert.ok(total <= 2 * length, `${total} of ${length}`);
  // What we write, we read.
  readExtensions({ attributes: written });
  readSources({ attributes: written });
  readRids({ attributes: written });
  readCandidates({ attributes: written });
  readFingerprints({ attributes: written });
  readSimulcast({ attributes: written });
}

function check(text: string): void {
  const found = attempt(() => readSdp(text));
  if (found === undefined) return;
  assert.ok(found.media.length <= usualSdpLimits.media);
  checkSection(found, text.length);
  for (const medium of found.media) {
    checkSection(medium, text.length);
    const formats = readFormats(medium);
    assert.ok(formats.length <= 128);
    for (const format of formats) assert.ok(formatAttributes(format).length <= 2 + 64);
  }
  assert.deepEqual(readSdp(writeSdp(found), { text: 2 * text.length + 1_000 }), settled(found));
}

/** What is written for what was missing. */
function settled(found: SdpDescription): SdpDescription {
  return found.timing.length > 0 ? found : { ...found, timing: [{ start: 0, stop: 0 }] };
}

const valid = [...sdpVectors.map(({ text }) => text), simulcastOffer];
const lines = [...new Set(valid.flatMap((text) => text.split(/\r?\n/)))];
const odd = fc.constantFrom(
  'a=',
  '=',
  'a',
  'm=',
  'm=audio 9 RTP/AVP',
  'm=x 0/0 y *',
  'c=IN IP4 169.254.169.254',
  'a=rtpmap:96',
  'a=fmtp:* x',
  'a=rtcp-fb:* ',
  'a=rtcp-fb:999 x',
  'a=__proto__:1',
  'a=fmtp:96 __proto__=1;constructor',
  'a=extmap:-1 x',
  'a=ssrc:',
  'a=ssrc-group:',
  'a=rid:',
  'a=simulcast:send ',
  'a=candidate:',
  'a=fingerprint:',
  'a=group:',
  't=',
  'o=',
  'b=:',
  '\u2028',
  'a=x:\u2028 \u2029',
);

describe(`fuzz: SDP (seed ${seed})`, () => {
  it('random text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        check(text);
        check(`v=0\r\n${text}`);
        check(`v=0\r\nm=video 9 RTP/AVP 96\r\na=${text}`);
      }),
      { seed, numRuns },
    );
  });

  it('lines in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...lines), odd), { maxLength: 60 }), (parts) =>
        check(['v=0', ...parts].join('\r\n')),
      ),
      { seed, numRuns },
    );
  });

  it('descriptions that were valid once', () => {
    fc.assert(
      fc.property(mutated(valid.map((text) => Buffer.from(text))), (bytes) => check(bytes.toString())),
      { seed, numRuns },
    );
  });

  it('values of attributes that were valid once', () => {
    const values = lines.filter((line) => line.startsWith('a=')).map((line) => Buffer.from(line));
    fc.assert(
      fc.property(fc.array(mutated(values), { maxLength: 20 }), (parts) =>
        check(`v=0\nm=video 9 RTP/AVP 96 97 0\n${parts.map((bytes) => bytes.toString()).join('\n')}`),
      ),
      { seed, numRuns },
    );
  });

  // A reader that goes back and forth over them would not end within the time that mocha gives.
  for (const [what, unit] of Object.entries({
    spaces: ' ',
    semicolons: ';',
    commas: ',',
    equals: '=',
    colons: ':',
    digits: '1',
    tildes: '~',
    'line separators': ' \u2028',
    words: 'a ',
    pairs: 'a=b;',
    octets: '00:',
  })) {
    it(`long runs of ${what}`, () => {
      const run = unit.repeat(Math.floor(60_000 / unit.length));
      const beginnings = [
        'a=rtpmap:96 ',
        'a=fmtp:96 ',
        'a=rtcp-fb:96 ',
        'a=extmap:1 x',
        'a=ssrc:1 ',
        'a=ssrc-group:FID ',
        'a=rid:1 send ',
        'a=simulcast:send ',
        'a=candidate:1 1 udp 1 192.0.2.1 1 typ host ',
        'a=fingerprint:sha-256 ',
        'a=group:BUNDLE ',
        'a=msid:',
        'a=ice-ufrag:',
        'a=',
        'm=audio 9 RTP/AVP ',
        'm=',
        'o=',
        'c=IN IP4 ',
        'b=AS:',
        't=',
        '',
      ];
      for (const beginning of beginnings)
        for (const end of ['', 'x', 'y\u2028x', '!'])
          check(`v=0\r\nm=video 9 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n${beginning}${run}${end}\r\n`);
    });
  }
});
