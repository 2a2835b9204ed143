import assert from 'node:assert/strict';
import { AccessUnit } from '../../../../core/media/access-unit.ts';
import { mp2Codec } from '../../../../core/media/codecs/mp2.ts';
import { mpeg1Codec } from '../../../../core/media/codecs/mpeg1.ts';
import { Track } from '../../../../core/streams/track.ts';
import type { QueuedUnit } from '../../../../core/streams/track-log.ts';
import type { Micros } from '../../../../core/time/micros.ts';
import { Batches, TransportStreams } from '../../../../modules/websocket/jsmpeg/transport-stream.ts';
import { readViewRequest } from '../../../../modules/websocket/jsmpeg/view.ts';
import { TsDemuxer } from '../../../../wire/mpegts/demuxer.ts';
import type { ProgramMap } from '../../../../wire/mpegts/psi.ts';
import { hex, videoVectors } from '../../../vectors/codecs/vectors.ts';

const picture = hex(videoVectors.find(({ name }) => name === 'mpeg1')?.frames?.[0] ?? '');
const sound = hex('fffde0c4');
const videoCodec = mpeg1Codec(picture);
const audioCodec = mp2Codec(sound);

describe('What is viewed at /jsmpeg/', () => {
  it('is named in the path, decoded once, with credentials in the query', () => {
    assert.equal(readViewRequest('/jsmpeg/room')?.name, 'room');
    assert.equal(readViewRequest('/jsmpeg/caf%C3%A9%20-720p')?.name, 'café -720p');
    assert.equal(readViewRequest('/jsmpeg/rtsp%3A%2F%2Fcam%2Fone')?.name, 'rtsp://cam/one');
    const { credentials } = readViewRequest('/jsmpeg/room?token=a%26b&user=u&password=p&other=1') ?? {};
    assert.deepEqual([credentials?.token, credentials?.user, credentials?.password], ['a&b', 'u', 'p']);
    assert.equal(credentials?.query.get('other'), '1');
  });

  for (const target of ['/', '/jsmpeg', '/jsmpeg/', '/jsmpeg/a/b', '/jsmpeg/..', '/jsmpeg/%2e%2e%2fa', '/jsmpeg/%ff']) {
    it(`is nothing for ${target}`, () => assert.equal(readViewRequest(target), undefined));
  }

  it('is nothing for a target beyond bounds', () => {
    assert.equal(readViewRequest(`/jsmpeg/room?${'x'.repeat(5_000)}`), undefined);
  });
});

describe('The packets of a view', () => {
  let order = 0;
  function queued(track: Track, at: number): QueuedUnit {
    order += 1;
    const parts = [track.kind === 'video' ? picture : sound];
    const unit = new AccessUnit({ codec: track.codec, pts: at as Micros, dts: at as Micros, keyframe: true, parts });
    return { unit, track, order, bytesBefore: 0 };
  }

  it('are made once for those who stand at the same place, and once more for one who joins', () => {
    const video = new Track('video', videoCodec);
    const transports = new TransportStreams();
    const transport = transports.obtain([video]);
    assert.equal(transports.obtain([video]), transport);
    const batches = new Batches();
    const units = [queued(video, 0), queued(video, 40_000)];
    const place = { transport, tables: true, video: true, audio: true };
    const bytes = batches.give(units, place).bytes;
    assert.equal(batches.give([...units], { ...place }).bytes, bytes);
    const joined = batches.give(units, { transport, tables: false, video: false, audio: false }).bytes;
    assert.equal(joined.length, bytes.length + 2 * 188);
    // Nothing but the mark of the discontinuity differs.
    const behind = joined.subarray(2 * 188);
    assert.deepEqual(
      [...bytes.keys()].filter((at) => bytes[at] !== behind[at]),
      [5],
    );
  });

  it('have other tables when sound is added, which one who watches already reads', () => {
    const video = new Track('video', videoCodec);
    const audio = new Track('audio', audioCodec);
    const transports = new TransportStreams();
    const programs: ProgramMap[] = [];
    const demuxer = new TsDemuxer({}, { onProgram: (program) => programs.push(program), onPes: () => undefined });
    const batches = new Batches();
    const none = { tables: false, video: false, audio: false };
    demuxer.push(batches.give([queued(video, 0)], { transport: transports.obtain([video]), ...none }).bytes);
    const both = transports.obtain([video, audio]);
    demuxer.push(batches.give([queued(video, 40_000), queued(audio, 40_000)], { transport: both, ...none }).bytes);
    assert.deepEqual(
      programs.map(({ tracks }) => tracks.map(({ streamType }) => streamType)),
      [[1], [1, 3]],
    );
    assert.deepEqual([demuxer.counters.continuityErrors, demuxer.counters.duplicates], [0, 0]);
  });
});
