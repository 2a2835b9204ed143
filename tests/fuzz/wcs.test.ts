import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { readClientMessage } from '../../wire/wcs/client-message.ts';
import { readMetricColumns, readMetricRows } from '../../wire/wcs/client-metrics.ts';
import { readMediaFrames } from '../../wire/wcs/media-frame.ts';
import { answerMediaSourceOffer } from '../../wire/wcs/media-source-sdp.ts';
import { clientVectors, mediaVectors } from '../vectors/wcs/vectors.ts';
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260805);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 3000);
const texts = Object.values(clientVectors).map(({ text }) => Buffer.from(text));
const names = [...new Set(Object.values(clientVectors).map(({ read }) => String(read['message'])))];

function mayOnlyThrowWireErrors(read: () => void): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof WireError, String(error));
  }
}

function readText(text: string): void {
  mayOnlyThrowWireErrors(() => {
    const message = readClientMessage(text);
    // What is read can be echoed, and is not longer than what came.
    assert.ok(JSON.stringify(message).length < text.length * 7 + 2_000);
  });
}

describe(`fuzz: WCS (seed ${seed})`, () => {
  it('any text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), readText), { seed, numRuns });
  });

  it('any JSON in a known message', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.json(), (name, json) => {
        readText(`{"message":"${name}","data":[${json}]}`);
        readText(`{"message":"${name}","data":${json}}`);
      }),
      { seed, numRuns },
    );
  });

  it('messages that were valid once', () => {
    fc.assert(
      fc.property(mutated(texts), (bytes) => readText(Buffer.from(bytes).toString())),
      { seed, numRuns },
    );
  });

  it('nesting without end', () => {
    for (const opening of ['[', '{"a":', '[[', '"\\'] as const) readText(opening.repeat(100_000 / opening.length));
  });

  it('media frames, metrics and offers', () => {
    const frames = mediaVectors.map(({ bytes }) => Buffer.from(bytes, 'hex'));
    fc.assert(
      fc.property(mutated(frames), fc.string({ maxLength: 200 }), (bytes, text) => {
        mayOnlyThrowWireErrors(() => readMediaFrames(Buffer.from(bytes)));
        mayOnlyThrowWireErrors(() => readMetricRows(text, readMetricColumns(text).length));
        mayOnlyThrowWireErrors(() => answerMediaSourceOffer(`m=video 0 ${text}`, { video: true, audio: true }));
      }),
      { seed, numRuns },
    );
  });
});
