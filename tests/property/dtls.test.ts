import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import type { DtlsIdentity } from '../../wire/dtls/certificate.ts';
import { findFragments, longestHandshakeMessage, Reassembly, writeFragment } from '../../wire/dtls/reassembly.ts';
import { connectedEvent, converse, makeIdentity, makePair } from '../vectors/dtls/association.ts';

/**
 * What happens to one datagram: some are lost, some doubled, and every one is late as it likes. Not more are lost than the
 * tries that a peer makes before it rightly takes the other for gone.
 */
const mostLost = 5;
const fates = fc.array(fc.record({ luck: fc.nat(9), delay: fc.nat(300_000), copyDelay: fc.nat(900_000) }), {
  minLength: 40,
  maxLength: 40,
});

describe('property: DTLS', () => {
  let alice: DtlsIdentity;
  let bob: DtlsIdentity;

  before(async () => {
    alice = await makeIdentity('alice');
    bob = await makeIdentity('bob');
  });

  it('a handshake succeeds under loss, duplication and reordering', () => {
    fc.assert(
      fc.property(fates, fc.integer({ min: 256, max: 1400 }), fc.boolean(), (fate, mtu, withCookies) => {
        const cookies = withCookies ? { cookies: { secret: Buffer.alloc(32, 1), peer: 'peer' } } : {};
        const peers = makePair({
          client: alice,
          server: bob,
          clientSettings: { mtu },
          serverSettings: { mtu, ...cookies },
        });
        let count = 0;
        let lost = 0;
        converse(peers, () => {
          const { luck, delay, copyDelay } = fate[count] ?? { luck: 9, delay: 10, copyDelay: 10 };
          count += 1;
          if (luck < 2 && lost < mostLost) {
            lost += 1;
            return [];
          }
          return luck === 2 ? [delay, copyDelay] : [delay];
        });
        const [ours, theirs] = [connectedEvent(peers.client).srtp, connectedEvent(peers.server).srtp];
        assert.deepEqual(ours?.send, theirs?.receive);
        assert.deepEqual(ours?.receive, theirs?.send);
        // Nobody talks for ever: retransmissions end.
        assert.ok(count < 400, String(count));
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 100), seed: Number(process.env['FUZZ_SEED'] ?? 42) },
    );
  });

  it('a message is put together from any pieces', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3000 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 500 })), { maxLength: 40 }),
        (body, ranges) => {
          const message = { type: 11, sequence: 0, body: Buffer.from(body) };
          const reassembly = new Reassembly();
          const covered = new Set<number>();
          for (const [from, length] of [...ranges, [0, longestHandshakeMessage] as const]) {
            const offset = body.length === 0 ? 0 : from % body.length;
            const fitting = Math.min(length, body.length - offset);
            const whole = covered.size === body.length && (covered.size > 0 || ranges.length === 0);
            if (whole && body.length > 0) break;
            for (const piece of findFragments(writeFragment(message, offset, fitting)) ?? []) reassembly.add(piece);
            for (let at = 0; at < fitting; at += 1) covered.add(offset + at);
          }
          assert.deepEqual(reassembly.findNext(), message);
        },
      ),
    );
  });
});
