import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { aacCodecFromParameters } from '../../../../core/media/codecs/aac.ts';
import { opusCodec } from '../../../../core/media/codecs/opus.ts';
import { pcmCodec } from '../../../../core/media/codecs/telephony.ts';
import { millis } from '../../../../core/time/micros.ts';
import { SampleClock } from '../../../../modules/rtmp/sample-clock.ts';

const aac = aacCodecFromParameters({ sampleRate: 44_100, channels: 2 });
const mulaw = pcmCodec('pcmu', { channels: 1 });
const payload = Buffer.alloc(170);

describe('the clock of samples in RTMP', () => {
  it('finds the steps again that were rounded to milliseconds, up or down', () => {
    for (const round of [Math.round, Math.floor, Math.ceil]) {
      const clock = new SampleClock();
      let last = 0;
      for (let frame = 0; frame < 10_000; frame += 1) {
        const exact = (frame * 1_024 * 1e6) / 44_100;
        const told = round(exact / 1_000);
        const at = clock.place(aac, payload, millis(told));
        assert.ok(Math.abs(at - exact) <= 501 && Math.abs(at - told * 1_000) <= 501, `${at} for ${exact}`);
        // The first ones show how the very first was rounded.
        if (frame > 500)
          assert.ok(Math.abs(at - last - (1_024 * 1e6) / 44_100) <= 1, `${at - last} µs after the one before`);
        last = at;
      }
    }
  });

  it('leaves neither gap nor overlap between units of G.711', () => {
    const clock = new SampleClock();
    let last = 0;
    for (let unit = 0; unit < 5_000; unit += 1) {
      const at = clock.place(mulaw, payload, millis(Math.round((unit * 170) / 8)));
      if (unit > 500) assert.ok(Math.abs(at - last - 21_250) <= 1, `${at - last} µs after the one before`);
      last = at;
    }
  });

  it('follows a publisher who leaves something out', () => {
    const clock = new SampleClock();
    assert.equal(clock.place(mulaw, Buffer.alloc(160), millis(100)), millis(100));
    assert.equal(clock.place(mulaw, Buffer.alloc(160), millis(120)), millis(120));
    assert.equal(clock.place(mulaw, Buffer.alloc(160), millis(161)), millis(161));
    assert.equal(clock.place(mulaw, Buffer.alloc(160), millis(181)), millis(181));
  });

  it('never strays further than 5 ms from a publisher whose clock runs otherwise', () => {
    const clock = new SampleClock();
    let last = -1;
    for (let unit = 0; unit < 20_000; unit += 1) {
      const told = millis(Math.round(unit * 20 * 1.001));
      const at = clock.place(mulaw, Buffer.alloc(160), told);
      assert.ok(Math.abs(at - told) <= 5_000 && at > last, `${at} for ${told}`);
      last = at;
    }
  });

  it('begins anew with another rate, and takes what has no count as it is told', () => {
    const clock = new SampleClock();
    clock.place(mulaw, Buffer.alloc(160), millis(0));
    assert.equal(clock.place(aac, payload, millis(21)), millis(21));
    assert.equal(clock.place(opusCodec({ channels: 2 }), payload, millis(45)), millis(45));
    assert.equal(clock.place(aac, payload, millis(65)), millis(65));
  });
});
