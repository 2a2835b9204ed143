import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { ManualClock } from '../../core/time/manual-clock.ts';
import { FrameReader, frame } from '../../modules/rtp/transport/framing.ts';
import { IceAgent, type UfragBook } from '../../modules/rtp/transport/ice-agent.ts';
import { IceChecks } from '../../modules/rtp/transport/ice-checks.ts';
import { PeerCounters } from '../../modules/rtp/transport/metrics.ts';
import { StunAttribute, StunMethod } from '../../wire/stun/attributes.ts';
import { StunWriter } from '../../wire/stun/writer.ts';
import { FakePath } from '../support/fake-path.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2000);

describe('fuzz: frames of RFC 4571', () => {
  it('are cut the same wherever the connection cuts them', () => {
    const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 12 });
    const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(packets, cuts, (sent, sizes) => {
        const stream = Buffer.concat(sent.map((bytes) => frame(Buffer.from(bytes), 0, bytes.length)));
        const reader = new FrameReader(400);
        const got: Buffer[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const end = at + (sizes[turn % sizes.length] ?? 1);
          const chunk = Buffer.from(stream.subarray(at, end));
          assert.ok(reader.read(chunk, (packet) => got.push(packet) > 0));
          at = end;
        }
        assert.deepEqual(
          got.map((bytes) => bytes.toString('hex')),
          sent.map((bytes) => Buffer.from(bytes).toString('hex')),
        );
      }),
      { seed, numRuns: Math.ceil(numRuns / 4) },
    );
  });

  it('that are none are refused or bounded', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (chunks) => {
        const reader = new FrameReader(100);
        const total = chunks.reduce((sum, { length }) => sum + length, 0);
        let taken = 0;
        for (const chunk of chunks) {
          const goesOn = reader.read(Buffer.from(chunk), (packet) => {
            assert.ok(packet.length > 0 && packet.length <= 100);
            taken += packet.length + 2;
            return true;
          });
          if (!goesOn) break;
        }
        assert.ok(taken <= total);
      }),
      { seed, numRuns },
    );
  });
});

describe('fuzz: checks of ICE', () => {
  it('that are not authentic get no answer, those that are no longer one than they were', () => {
    const clock = new ManualClock();
    const ufrags: UfragBook = new Map();
    const counters = new PeerCounters();
    const owner = { receive: () => undefined, losePath: () => undefined };
    const agent = new IceAgent({ clock, ufrags, owner, onCheck: () => undefined });
    const checks = new IceChecks(ufrags, counters);
    const { ufrag, key } = agent.credentials;
    const valid = [true, false].map((controls) =>
      new StunWriter('request', StunMethod.binding, Buffer.alloc(12, 7))
        .text(StunAttribute.username, `${ufrag}:them`)
        .number(StunAttribute.priority, 1)
        .tieBreaker(controls ? StunAttribute.iceControlling : StunAttribute.iceControlled, 1n)
        .integrity(key)
        .fingerprint()
        .finish(),
    );
    const path = new FakePath();
    fc.assert(
      fc.property(fc.oneof(mutated(valid), fc.uint8Array({ maxLength: 200 })), (input) => {
        const bytes = Buffer.from(input);
        const isValid = valid.some((check) => check.equals(bytes));
        const authentic = checks.receive(bytes, {
          address: '192.0.2.1',
          port: 9,
          findPath: () => path,
          openPath: () => path,
          answer: (answer) => assert.ok(isValid && answer.length <= bytes.length),
        });
        assert.equal(authentic, isValid);
      }),
      { seed, numRuns },
    );
    assert.ok(counters.checks > 0 && counters.checks === path.checks);
    assert.equal(ufrags.size, 1);
  });
});
