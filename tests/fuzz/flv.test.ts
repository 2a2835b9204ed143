import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { WireError } from '../../wire/errors.ts';
import { FlvFileReader, maxFlvTag } from '../../wire/flv/file.ts';
import {
  type FlvAudio,
  type FlvVideo,
  readAudioTag,
  readVideoTag,
  writeAudioTag,
  writeVideoTag,
} from '../../wire/flv/tag.ts';
import files from '../vectors/flv/files.json' with { type: 'json' };
import tags from '../vectors/flv/tags.json' with { type: 'json' };
import { mutated } from './codec-records-mutations.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20260802);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 3000);

/** Runs a reader; anything but a WireError escapes and fails. */
function tolerate(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

function payloadBytes(tag: FlvVideo | FlvAudio): number {
  if (tag.kind === 'multitrack') return tag.tracks.reduce((sum, track) => sum + payloadBytes(track), 0);
  return 'payload' in tag ? tag.payload.length : 0;
}

/** Reads a body as both kinds; what was read must fit in what was given, and be writable and stable. */
function readBoth(body: Buffer): void {
  tolerate(() => {
    const video = readVideoTag(body);
    assert.ok(payloadBytes(video) <= body.length);
    const written = writeVideoTag(video);
    assert.ok(written.length <= body.length + 16);
    assert.deepEqual(readVideoTag(written), video);
  });
  tolerate(() => {
    const audio = readAudioTag(body);
    assert.ok(payloadBytes(audio) <= body.length);
    const written = writeAudioTag(audio);
    assert.ok(written.length <= body.length + 16);
    assert.deepEqual(readAudioTag(written), audio);
  });
}

const valid = [...tags.video, ...tags.audio].map((vector) => Buffer.from(vector.hex, 'hex'));

describe(`fuzz: FLV (seed ${seed})`, () => {
  it('tag bodies of random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => readBoth(Buffer.from(bytes))),
      { seed, numRuns },
    );
  });

  it('tag bodies that were valid once', () => {
    fc.assert(fc.property(mutated(valid), readBoth), { seed, numRuns });
  });

  it('files that were valid once, in pieces of any size', () => {
    const sources = files.map((file) => Buffer.from(file.base64, 'base64'));
    fc.assert(
      fc.property(mutated(sources), fc.integer({ min: 1, max: 4000 }), (file, step) => {
        const reader = new FlvFileReader();
        let read = 0;
        tolerate(() => {
          for (let at = 0; at < file.length; at += step) {
            reader.push(file.subarray(at, at + step));
            for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
              assert.ok(tag.body.length <= maxFlvTag);
              read += 11 + tag.body.length;
              readBoth(tag.body);
            }
          }
        });
        assert.ok(read <= file.length);
      }),
      { seed, numRuns: Math.ceil(numRuns / 20) },
    );
  });
});
