import assert from 'node:assert/strict';
import { AccessUnit } from '../../../../core/media/access-unit.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { millis, ZERO } from '../../../../core/time/micros.ts';
import { rtpConfig } from '../../../../modules/rtp/config.ts';
import type { DatagramRoute, RtpMedium } from '../../../../modules/rtp/contract.ts';
import { formatFor } from '../../../../modules/rtp/formats.ts';
import { Ingest } from '../../../../modules/rtp/ingest.ts';
import { RtpCounters } from '../../../../modules/rtp/metrics.ts';
import { rtpPayloads } from '../../../../modules/rtp/payloads.ts';
import { readRtcp } from '../../../../wire/rtcp/reader.ts';
import { rtpHeaderLength, writeRtpHeader } from '../../../../wire/rtp/packet.ts';
import { conformanceH264, numberedNal, readNumber } from '../../../conformance/numbered-media.ts';
import { readSection, TestCore } from '../../../support/test-core.ts';

const frame = millis(40);

/** A publisher that speaks RTCP, on a clock that is moved by hand; one packet after the other within each picture. */
async function makePublisher() {
  const clock = new ManualClock();
  const core = new TestCore({ clock });
  const counters = new RtpCounters();
  const ingests: Ingest[] = [];
  const publication = await core.publish('cam', {
    expects: ['video'],
    requestKeyframe: () => ingests[0]?.requestKeyframe(),
  });
  const format = formatFor(conformanceH264, 96);
  assert.ok(format !== undefined);
  const medium: RtpMedium = { kind: 'video', format, feedback: ['nack pli'] };
  const ports = { address: '127.0.0.1', port: 2, controlPort: 3 };
  const route: DatagramRoute = { kind: 'datagram', ports, address: '127.0.0.1', port: 4, controlPort: 5 };
  const asked: number[] = [];
  let hear: (bytes: Buffer) => void = () => undefined;
  const sendControl = (bytes: Buffer): void => {
    if (readRtcp(bytes).packets.some(({ kind }) => kind === 'picture-loss')) asked.push(clock.now());
  };
  ingests.push(
    new Ingest(
      readSection(rtpConfig),
      { publication, legs: [{ medium, route }], anySource: false },
      {
        core: { ...core, services: { find: () => undefined } } as never,
        counters,
        ssrc: 1,
        cname: 'test',
        attach: (_leg, { onPacket }) => {
          hear = onPacket;
          return { send: () => undefined, sendControl };
        },
      },
    ),
  );
  let sequence = 100;
  /** Sends picture `number`, without the packets that `lost` names by their place in it. */
  const send = (number: number, lost: readonly number[] = [], keyframe = number % 25 === 0): void => {
    const nals = [numberedNal(number, keyframe, 4_000)];
    const parts = keyframe ? [...conformanceH264.sps, ...conformanceH264.pps, ...nals] : nals;
    const unit = new AccessUnit({ codec: conformanceH264, pts: ZERO, dts: ZERO, keyframe, parts });
    const payloads = unit.as(rtpPayloads);
    payloads.forEach((payload, index) => {
      const bytes = Buffer.alloc(rtpHeaderLength + payload.length);
      const marker = index === payloads.length - 1;
      const timestamp = number * 3_600;
      writeRtpHeader(bytes, 0, { marker, payloadType: 96, sequence, timestamp, ssrc: 7 });
      payload.copy(bytes, rtpHeaderLength);
      sequence += 1;
      if (!lost.includes(index)) hear(bytes);
    });
    clock.advance(frame);
  };
  const shown = (): number[] => {
    const { log } = publication.stream.tracks.find(({ kind }) => kind === 'video') ?? assert.fail('no track');
    const numbers: number[] = [];
    for (let place = log.start; place < log.end; place += 1) {
      const last = log.find(place)?.unit.parts.at(-1);
      if (last !== undefined) numbers.push(readNumber(last));
    }
    return numbers;
  };
  return { core, clock, asked, send, shown, counters };
}

describe('modules/rtp loss', () => {
  it('asks for a key frame within 100 ms of a loss, and passes nothing on before it', async () => {
    for (const [what, lost] of [
      ['the first packet of a picture', [0]],
      ['one in its middle', [1]],
      ['its last', [2]],
      ['all of it', [0, 1, 2]],
    ] as const) {
      const { core, clock, asked, send, shown, counters } = await makePublisher();
      for (let number = 0; number < 5; number += 1) send(number);
      assert.deepEqual(asked, []);
      const at = clock.now();
      send(5, lost);
      for (let number = 6; number < 9; number += 1) send(number);
      assert.equal(asked.length, 1, what);
      assert.ok((asked[0] ?? 0) - at <= millis(100), `${what}: after ${((asked[0] ?? 0) - at) / 1_000} ms`);
      assert.equal(counters.keyframeRequests, 1);
      send(9, [], true);
      send(10);
      assert.deepEqual(shown().slice(-2), [9, 10], what);
      assert.ok(!shown().some((number) => number >= 5 && number < 9), what);
      await core.close();
    }
  });

  it('takes no key frame for whole that has lost the parameter sets in front of it', async () => {
    const { core, send, shown } = await makePublisher();
    for (let number = 0; number < 25; number += 1) send(number);
    send(25, [0]);
    send(26);
    assert.equal(shown().at(-1), 24);
    send(27, [0, 1, 2, 3]);
    send(28, [], true);
    send(29);
    // What is kept for those who join begins at the newest key frame.
    assert.deepEqual(shown().slice(-2), [28, 29]);
    assert.ok(!shown().includes(25));
    await core.close();
  });
});
