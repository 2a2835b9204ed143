import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { millis, seconds } from '../../core/time/micros.ts';
import { openPair, type Pair } from '../support/peer-pair.ts';
import { rtcpVectors } from '../vectors/rtcp/vectors.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260805);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 1500);

/** A viewer and a publisher in the middle of things, and packets of theirs to spoil. */
async function running(): Promise<{ pair: Pair; rtp: Buffer[]; rtcp: Buffer[] }> {
  const pair = await openPair({ way: { loss: 0.02 } });
  const rtp: Buffer[] = [];
  const rtcp: Buffer[] = rtcpVectors.map(({ bytes }) => bytes);
  for (const end of [pair.senderEnd, pair.receiverEnd]) {
    end.record = (bytes, kind) => (kind === 'rtp' ? rtp : rtcp).push(Buffer.from(bytes));
    end.connect();
  }
  await pair.live.run(seconds(2));
  for (const end of [pair.senderEnd, pair.receiverEnd]) end.record = undefined;
  return { pair, rtp: rtp.slice(0, 60), rtcp: rtcp.slice(0, 60) };
}

function assertSane({ receiver, sender, core, senderEnd }: Pair): void {
  assert.deepEqual(core.failures, []);
  assert.ok((receiver.inspect() as { sources: number }).sources <= 32);
  const { estimate, pacing } = sender.inspect() as { estimate: number; pacing: number };
  assert.ok(estimate >= 50_000 && estimate <= 200_000_000, String(estimate));
  assert.ok(pacing > 0 && Number.isFinite(pacing));
  // Runs take no time on the manual clock: the budget for resends is spent once.
  assert.ok(senderEnd.sent.bytes < 2_000_000, String(senderEnd.sent.bytes));
}

describe(`fuzz: media of peers (seed ${seed})`, () => {
  it('RTP that was valid once, and random bytes', async () => {
    const { pair, rtp } = await running();
    const bytes = fc.oneof(
      mutated(rtp),
      fc.uint8Array({ maxLength: 80 }).map((random) => Buffer.from(random)),
    );
    fc.assert(
      fc.property(bytes, (packet) => pair.receiverEnd.hear(Buffer.from(packet), 'rtp')),
      { seed, numRuns },
    );
    await pair.live.run(millis(1_500));
    assertSane(pair);
    await pair.core.close();
  });

  it('RTCP that was valid once, at both ends', async () => {
    const { pair, rtcp } = await running();
    fc.assert(
      fc.property(mutated(rtcp), (packet) => {
        pair.receiverEnd.hear(Buffer.from(packet), 'rtcp');
        pair.senderEnd.hear(Buffer.from(packet), 'rtcp');
      }),
      { seed, numRuns },
    );
    await pair.live.run(millis(500));
    assertSane(pair);
    await pair.core.close();
  });
});
