import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { TsDemuxer } from '../../../../wire/mpegts/demuxer.ts';
import { markDiscontinuity } from '../../../../wire/mpegts/discontinuity.ts';
import { TsMuxer } from '../../../../wire/mpegts/muxer.ts';
import { StreamType } from '../../../../wire/mpegts/packet.ts';
import type { TsPes } from '../../../../wire/mpegts/pes-assembler.ts';

describe('markDiscontinuity', () => {
  const muxer = new TsMuxer({
    tracks: [
      { pid: 256, streamType: StreamType.mpeg1Video },
      { pid: 257, streamType: StreamType.mpeg1Audio },
    ],
  });
  const tables = muxer.tables();
  const unit = (pid: number, at: number): Buffer =>
    muxer.unit(pid, { pts: at * 3_600, keyframe: true, parts: [Buffer.alloc(400, at)] });

  function read(pieces: readonly Buffer[]): { errors: number; pes: TsPes[] } {
    const pes: TsPes[] = [];
    const demuxer = new TsDemuxer({}, { onProgram: () => undefined, onPes: (one) => pes.push(one) });
    for (const piece of pieces) demuxer.push(piece);
    demuxer.flush();
    return { errors: demuxer.counters.continuityErrors, pes };
  }

  for (const pid of [256, 257]) {
    it(`makes a gap of PID ${pid} one that was meant`, () => {
      const units = [1, 2, 3, 4].map((at) => unit(pid, at));
      const [first, , , last] = units as [Buffer, Buffer, Buffer, Buffer];
      assert.equal(read([tables, first, last]).errors, 1);
      const marked = Buffer.from(last);
      assert.equal(markDiscontinuity(marked, 0), true);
      const { errors, pes } = read([tables, first, marked]);
      assert.equal(errors, 0);
      assert.deepEqual(
        pes.map(({ discontinuity, payload }) => [discontinuity, payload[0]]),
        [
          [false, 1],
          [true, 4],
        ],
      );
    });
  }

  it('reaches the first payload behind packets of PCR', () => {
    const before = unit(256, 10);
    unit(256, 11);
    const later = Buffer.from(unit(256, 20)); // 360 ms: PCRs are filled in
    assert.equal((later[3] ?? 0) & 0x30, 0x20, 'no payload in the first packet');
    assert.equal(markDiscontinuity(later, 0), true);
    assert.equal(read([tables, before, later]).errors, 0);
  });

  it('leaves a packet alone that has no room for it', () => {
    const before = Buffer.from(tables);
    assert.equal(markDiscontinuity(before, 0), false);
    assert.deepEqual(before, tables);
    assert.equal(markDiscontinuity(Buffer.alloc(0), 0), false);
  });
});
