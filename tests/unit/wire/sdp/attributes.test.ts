import assert from 'node:assert/strict';
import { WireError } from '../../../../wire/errors.ts';
import { readSdp, type SdpAttribute, type SdpSection } from '../../../../wire/sdp/description.ts';
import {
  extensionAttribute,
  readExtensions,
  readSourceGroups,
  readSources,
  readStreamIdentities,
  sourceAttributes,
  sourceGroupAttribute,
} from '../../../../wire/sdp/rtp-attributes.ts';
import { readRids, readSimulcast, ridAttribute, simulcastAttribute } from '../../../../wire/sdp/simulcast.ts';
import {
  candidateAttribute,
  fingerprintAttribute,
  groupAttribute,
  iceCredentialAttributes,
  readCandidate,
  readCandidates,
  readFingerprints,
  readGroups,
  readIceCredentials,
  readSetup,
} from '../../../../wire/sdp/transport-attributes.ts';
import { sdpVectors, simulcastOffer } from '../../../vectors/sdp/vectors.ts';

const malformed = (error: unknown) => error instanceof WireError && error.code === 'malformed';
const tooLarge = (error: unknown) => error instanceof WireError && error.code === 'too-large';

/** Attributes as they stand behind `a=`. */
function section(...texts: string[]): SdpSection {
  return readSdp(['v=0', ...texts.map((text) => `a=${text}`)].join('\n'));
}

function text({ name, value }: SdpAttribute): string {
  return value === undefined ? name : `${name}:${value}`;
}

const chromium = readSdp(sdpVectors.find(({ origin }) => origin.startsWith('Chromium'))?.text ?? '');
const [video] = chromium.media;

describe('SDP attributes of RTP', () => {
  it('extmap (RFC 8285 8)', () => {
    const lines = [
      'extmap:1 http://example.com/082005/ext.htm#ttime',
      'extmap:2/sendrecv http://example.com/082005/ext.htm#xmeta short',
      'extmap:4096 urn:ietf:params:rtp-hdrext:toffset',
    ];
    const found = readExtensions(section(...lines));
    assert.deepEqual(found[1], {
      id: 2,
      direction: 'sendrecv',
      uri: 'http://example.com/082005/ext.htm#xmeta',
      attributes: 'short',
    });
    assert.deepEqual(
      found.map((one) => text(extensionAttribute(one))),
      lines,
    );
    for (const wrong of ['extmap:0 urn:x', 'extmap:256 urn:x', 'extmap:1', 'extmap:1/both urn:x', 'extmap:x urn:x'])
      assert.throws(() => readExtensions(section(wrong)), malformed, wrong);
    assert.equal(video === undefined ? 0 : readExtensions(video).length, 11);
  });

  it('ssrc and ssrc-group (RFC 5576 4)', () => {
    const lines = [
      'ssrc:11111 cname:user@example.com',
      'ssrc:11111 msid:a b',
      'ssrc:4294967295 cname:user@example.com',
    ];
    const found = readSources(section(...lines));
    assert.deepEqual(
      found.map(({ ssrc, attributes }) => [ssrc, ...attributes]),
      [
        [11_111, ['cname', 'user@example.com'], ['msid', 'a b']],
        [4_294_967_295, ['cname', 'user@example.com']],
      ],
    );
    assert.deepEqual(found.flatMap(sourceAttributes).map(text), lines);
    assert.deepEqual(sourceAttributes({ ssrc: 1, attributes: new Map() }).map(text), ['ssrc:1']);
    const groups = readSourceGroups(section('ssrc-group:FID 11111 22222'));
    assert.deepEqual(groups, [{ semantics: 'FID', ssrcs: [11_111, 22_222] }]);
    assert.deepEqual(
      groups.map((group) => text(sourceGroupAttribute(group))),
      ['ssrc-group:FID 11111 22222'],
    );
    assert.throws(() => readSources(section('ssrc:4294967296 cname:x')), malformed);
    assert.throws(() => readSources(section('ssrc:x cname:x')), malformed);
    assert.throws(() => readSourceGroups(section('ssrc-group:FID x')), malformed);
    assert.throws(() => readSourceGroups(section('ssrc-group:FID')), malformed);
    assert.throws(() => readSources(section(...Array.from({ length: 257 }, (_, index) => `ssrc:${index}`))), tooLarge);
  });

  it('msid (RFC 8830 2)', () => {
    assert.deepEqual(readStreamIdentities(section('msid:- x', 'msid:examplefoo')), [
      { stream: '-', track: 'x' },
      { stream: 'examplefoo', track: undefined },
    ]);
    assert.throws(() => readStreamIdentities(section('msid:a b c')), malformed);
  });

  it('rid (RFC 8851 4) and simulcast (RFC 8853 5.1)', () => {
    const lines = ['rid:5 send pt=99,102;max-br=64000;max-width=1280', 'rid:f recv'];
    const rids = readRids(section(...lines));
    assert.deepEqual(rids[0]?.payloadTypes, [99, 102]);
    assert.deepEqual(
      [...(rids[0]?.restrictions ?? [])],
      [
        ['max-br', '64000'],
        ['max-width', '1280'],
      ],
    );
    assert.deepEqual(
      rids.map((one) => text(ridAttribute(one))),
      lines,
    );
    for (const line of ['simulcast:send 1,~4;2;3 recv c', 'simulcast:recv 1;~2,3', 'simulcast:send q;h;f']) {
      const simulcast = readSimulcast(section(line));
      assert.ok(simulcast);
      assert.equal(text(simulcastAttribute(simulcast)), line);
    }
    assert.deepEqual(readSimulcast(section('simulcast:send 1,~4;2 recv c')), {
      send: [
        [
          { rid: '1', paused: false },
          { rid: '4', paused: true },
        ],
        [{ rid: '2', paused: false }],
      ],
      recv: [[{ rid: 'c', paused: false }]],
    });
    assert.equal(readSimulcast(section()), undefined);
    for (const wrong of ['', 'send', 'send ;', 'send a send b', 'both a', 'send a recv', 'send ~~a', 'send a recv b c'])
      assert.throws(() => readSimulcast(section(`simulcast:${wrong}`)), malformed, wrong);
    for (const wrong of ['a', 'a b', '! send', 'a send pt=128'])
      assert.throws(() => readRids(section(`rid:${wrong}`)), malformed, wrong);
  });

  it('the sizes that Chromium offers', () => {
    const [medium] = readSdp(simulcastOffer).media;
    assert.ok(medium);
    assert.deepEqual(
      readRids(medium).map(({ id, direction }) => `${id} ${direction}`),
      ['q send', 'h send', 'f send'],
    );
    assert.deepEqual(
      readSimulcast(medium)
        ?.send.flat()
        .map(({ rid }) => rid),
      ['q', 'h', 'f'],
    );
  });
});

describe('SDP attributes of transports', () => {
  it('candidate (RFC 8839 5.1, RFC 6544 4.5)', () => {
    const lines = [
      'candidate:1 1 udp 2130706431 203.0.113.141 8998 typ host',
      'candidate:2 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998',
      'candidate:1 1 tcp 2128609279 2001:db8::1 9 typ host tcptype active',
      'candidate:4262866103 1 udp 2113937151 601cad2d-5843-4792-a274-e45c5648822e.local 34576 typ host generation 0 network-cost 999',
    ];
    const found = readCandidates(section(...lines));
    assert.deepEqual(
      found.map((one) => text(candidateAttribute(one))),
      lines,
    );
    assert.deepEqual(found[1], {
      foundation: '2',
      component: 1,
      transport: 'udp',
      priority: 1_694_498_815,
      address: '192.0.2.3',
      port: 45_664,
      type: 'srflx',
      relatedAddress: '203.0.113.141',
      relatedPort: 8_998,
      tcpType: undefined,
      extensions: new Map(),
    });
  });

  it('a candidate that is trickled, however it is written', () => {
    for (const before of ['', 'candidate:', 'a=candidate:'])
      assert.equal(readCandidate(`${before}1 1 UDP 1 192.0.2.1 8998 typ HOST`).type, 'host');
    for (const wrong of [
      '',
      'candidate:',
      '1 1 UDP 1 192.0.2.1 65536 typ host',
      '1 1 UDP 4294967296 192.0.2.1 1 typ host',
      '1 1 UDP 1 192.0.2.1 1 typ ghost',
      '1 1 SCTP 1 192.0.2.1 1 typ host',
      `1 1 UDP 1 192.0.2.1 1 typ host ${'a b '.repeat(300)}`,
    ])
      assert.throws(() => readCandidate(wrong), malformed, wrong);
  });

  it('passes over candidates of kinds that it does not know', () => {
    assert.deepEqual(readCandidates(section('candidate:1 1 SCTP 1 192.0.2.1 1 typ host')), []);
    const many = Array.from({ length: 129 }, (_, index) => `candidate:${index} 1 udp 1 192.0.2.1 1 typ host`);
    assert.throws(() => readCandidates(section(...many)), tooLarge);
  });

  it('ice-ufrag and ice-pwd (RFC 8839 5.4), of the medium before those of the session', () => {
    const session = section('ice-ufrag:8hhY', 'ice-pwd:asd88fgpdd777uzjYhagZg');
    const found = readIceCredentials(section(), session);
    assert.deepEqual(found, { ufrag: '8hhY', password: 'asd88fgpdd777uzjYhagZg' });
    assert.deepEqual(found === undefined ? [] : iceCredentialAttributes(found).map(text), [
      'ice-ufrag:8hhY',
      'ice-pwd:asd88fgpdd777uzjYhagZg',
    ]);
    assert.equal(
      readIceCredentials(section('ice-ufrag:9uB6', 'ice-pwd:YH75Fviy6338Vbrhrlp8Yh'), session)?.ufrag,
      '9uB6',
    );
    assert.equal(readIceCredentials(section('ice-ufrag:9uB6')), undefined);
    assert.throws(() => readIceCredentials(section('ice-ufrag:abc'), session), malformed);
    assert.throws(() => readIceCredentials(section('ice-pwd:short'), session), malformed);
    assert.throws(() => readIceCredentials(section(`ice-ufrag:${'a'.repeat(257)}`), session), malformed);
    assert.throws(() => readIceCredentials(section('ice-ufrag:ab:c'), session), malformed);
  });

  it('fingerprint (RFC 8122 5)', () => {
    const line = 'fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB';
    const found = readFingerprints(section(), section(line));
    assert.deepEqual(
      found.map(({ hash, value }) => [hash, value.toString('hex')]),
      [['sha-1', '4aadb9b13f82183b540212df3e5d496b19e57cab']],
    );
    assert.deepEqual(
      found.map((one) => text(fingerprintAttribute(one))),
      [line],
    );
    assert.deepEqual(readFingerprints(section()), []);
    assert.equal(readFingerprints(section('fingerprint:SHA-256 00'), section(line))[0]?.hash, 'sha-256');
    for (const wrong of ['sha-256', 'sha-256 0', 'sha-256 00:', 'sha-256 00:GG', `sha-256 00${':00'.repeat(64)}`])
      assert.throws(() => readFingerprints(section(`fingerprint:${wrong}`)), malformed, wrong);
  });

  it('setup (RFC 4145 4)', () => {
    assert.equal(readSetup(section(), section('setup:actpass')), 'actpass');
    assert.equal(readSetup(section('setup:Passive'), section('setup:actpass')), 'passive');
    assert.equal(readSetup(section()), undefined);
    assert.throws(() => readSetup(section('setup:no')), malformed);
  });

  it('group (RFC 5888 5)', () => {
    assert.deepEqual(readGroups(chromium), [{ semantics: 'BUNDLE', mids: ['0', '1', '2'] }]);
    assert.deepEqual(readGroups(section('group:BUNDLE')), [{ semantics: 'BUNDLE', mids: [] }]);
    assert.deepEqual(
      readGroups(chromium).map((group) => text(groupAttribute(group))),
      ['group:BUNDLE 0 1 2'],
    );
    assert.throws(() => readGroups(section('group:')), malformed);
  });
});
