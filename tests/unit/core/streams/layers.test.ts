import assert from 'node:assert/strict';
import { anyCodec, type CodecTarget } from '../../../../core/media/codec-target.ts';
import type { H264Codec } from '../../../../core/media/codecs/codec-descriptor.ts';
import type { Transcoder } from '../../../../core/renditions/transcoder.ts';
import { layerId, layersWithin } from '../../../../core/streams/layers.ts';
import type { Publication, TrackWriter } from '../../../../core/streams/publication.ts';
import type { TrackWish } from '../../../../core/streams/requests.ts';
import { Track } from '../../../../core/streams/track.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { fakeH264, videoFrame } from '../../../support/fake-media.ts';
import { TestCore } from '../../../support/test-core.ts';

const codecs = {
  q: fakeH264({ width: 320, height: 180 }),
  h: fakeH264({ width: 640, height: 360 }),
  f: fakeH264({ width: 1_280, height: 720 }),
};
type Name = keyof typeof codecs;
const names = ['q', 'h', 'f'] as const;
const rates: Readonly<Record<Name, number>> = { q: 150_000, h: 500_000, f: 1_500_000 };

function wish(picture: Partial<CodecTarget>, layered = true): TrackWish {
  return { kind: 'video', accepts: [{ codec: 'h264', noBFrames: true, ...picture }], layered };
}

describe('Layers within a wish', () => {
  const tracks = new Map<Track, Name>(names.map((name) => [new Track(layerId('video', name), codecs[name]), name]));
  const within = (picture: Partial<CodecTarget>, of: readonly Name[] = names): string => {
    const layers = [...tracks].filter(([, name]) => of.includes(name)).map(([track]) => track);
    const allowed = layersWithin(layers, wish(picture), (track) => rates[tracks.get(track) ?? 'f']);
    return allowed.map((track) => tracks.get(track)).join('');
  };

  for (const [what, picture, allowed] of [
    ['nothing', {}, 'qhf'],
    ['a size that one has', { width: 640, height: 360 }, 'qh'],
    ['one between two', { width: 480, height: 270 }, 'qh'],
    ['one that fits in width alone', { width: 640, height: 480 }, 'qhf'],
    ['the width alone', { width: 640 }, 'qh'],
    ['the height alone', { height: 181 }, 'qh'],
    ['less than there is', { width: 16, height: 16 }, 'q'],
    ['more than there is', { width: 1_920, height: 1_080 }, 'qhf'],
    ['a bit rate', { bitrate: 700_000 }, 'qh'],
    ['a bit rate that one all but has', { bitrate: 480_000 }, 'qh'],
    ['less than the least bit rate', { bitrate: 50_000 }, 'q'],
    ['a size and less than it takes', { width: 1_280, bitrate: 200_000 }, 'q'],
    ['a bit rate for more than its size', { width: 320, bitrate: 9_000_000 }, 'q'],
  ] as const) {
    it(`${what}: ${allowed}`, () => assert.equal(within(picture), allowed));
  }

  it('take the next larger one where the one that was wished for is missing', () => {
    assert.equal(within({ width: 640 }, ['q', 'f']), 'qf');
    assert.equal(within({ width: 640 }, ['q']), 'q');
    assert.equal(within({ width: 640 }, []), '');
  });
});

describe('Wishes and layers', () => {
  let core: TestCore;
  let publication: Publication;
  let made: string[];
  let frame: number;
  const writers = new Map<string, TrackWriter>();

  beforeEach(async () => {
    core = new TestCore({ clock: new ManualClock(), streams: { renditions: { cores: 8 } } });
    made = [];
    frame = 0;
    writers.clear();
    core.streams.renditions.add(scaler(), core.scope);
    publication = await core.publish('cam', { expects: ['video'] });
  });

  afterEach(async () => {
    await core.close();
    assert.deepEqual(core.failures, []);
    assert.equal(core.scope.openScopes, 0);
  });

  /** Makes any size, and notes which. */
  function scaler(): Transcoder {
    return {
      name: 'scale',
      cost: (from, to) => (from.name === 'h264' && to.codec === 'h264' ? 1 : undefined),
      async run(input, output, to) {
        made.push(`${to.width ?? ''}x${to.height ?? ''}`);
        const codec = fakeH264({ width: to.width ?? 0, height: to.height ?? 0 });
        for await (const { unit } of input) {
          if (unit.codec.kind === 'video') output.write(videoFrame(codec, unit.dts / 33_333));
        }
      },
    };
  }

  /** Writes two pictures of each: the published one, and layers. */
  function write(published: H264Codec, layers: readonly Name[]): void {
    for (let index = 0; index < 2; index += 1) {
      put('video', published);
      for (const name of layers) put(layerId('video', name), codecs[name]);
      frame += 1;
    }
  }

  function put(id: string, codec: H264Codec): void {
    const writer = writers.get(id) ?? publication.addTrack(codec, id);
    writers.set(id, writer);
    writer.write(videoFrame(codec, frame, { keyframe: true, size: codec.width }));
  }

  async function settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The track that a viewer reads when a picture or two have come. */
  async function choiceOf(asked: TrackWish) {
    const pending = core.subscribe('cam', { wishes: [asked] });
    await settle();
    write(codecs.f, []);
    const subscription = await pending;
    const current = (): string | undefined => subscription.tracks[0]?.id;
    return { subscription, current };
  }

  it('a size is met by the nearest layer, and nothing is transcoded', async () => {
    write(codecs.f, names);
    const { subscription, current } = await choiceOf(wish({ width: 480, height: 270 }));
    assert.equal(current(), 'video.h');
    assert.deepEqual(made, []);
    const [explained] = core.streams.explain(subscription);
    assert.deepEqual([explained?.chosen, explained?.why], ['video.h', "the publisher's layer comes nearest to it"]);
  });

  it('what is published is taken where it is what was asked for', async () => {
    write(codecs.f, names);
    for (const asked of [wish({}), wish({ width: 1_280, height: 720 })]) {
      assert.equal((await choiceOf(asked)).current(), 'video');
    }
    assert.deepEqual(made, []);
  });

  it('renditions are made as ever without layers, for others than layered wishes, and for profiles', async () => {
    write(codecs.f, []);
    const size = { width: 480, height: 270 };
    assert.match((await choiceOf(wish(size))).current() ?? '', /^video~h264 .*width=480/);
    write(codecs.f, names);
    assert.match((await choiceOf(wish({ width: 320, height: 180 }, false))).current() ?? '', /^video~/);
    const profiled = { ...wish({}), profile: { height: 360 } };
    assert.match((await choiceOf(profiled)).current() ?? '', /^video~/);
    assert.deepEqual(made, ['480x270', '320x180', '640x360']);
  });

  it('layers in a codec that the viewer does not take are none', async () => {
    write(codecs.f, names);
    await assert.rejects(
      core.subscribe('cam', {
        wishes: [{ kind: 'video', accepts: [{ codec: 'vp8', width: 320 }], layered: true }],
      }),
      /vp8/,
    );
  });

  it('layers that have stopped are none', async () => {
    write(codecs.f, names);
    for (let index = 0; index < 60; index += 1) write(codecs.f, ['q']);
    assert.equal((await choiceOf(wish({ width: 480 }))).current(), 'video.q');
  });

  it('layers that come later take the place of a rendition', async () => {
    write(codecs.f, []);
    const { current } = await choiceOf(wish({ width: 640, height: 360 }));
    assert.match(current() ?? '', /^video~/);
    write(codecs.f, ['h']);
    await settle();
    assert.equal(current(), 'video.h');
  });

  it('who reads a layer goes on with it when the published track becomes another one', async () => {
    write(codecs.f, names);
    const { subscription, current } = await choiceOf(wish({ width: 480 }));
    const adapted = await core.subscribe('cam', { wishes: [{ ...wish({}), accepts: anyCodec('video') }] });
    const layer = subscription.stream.tracks.find(({ id }) => id === 'video.q');
    assert.ok(layer !== undefined);
    adapted.bind(layer);
    write(codecs.h, ['q', 'h']);
    await settle();
    assert.equal(current(), 'video.h');
    assert.equal(adapted.tracks[0]?.id, 'video.q');
    assert.deepEqual(made, []);
  });
});
