import assert from 'node:assert/strict';
import type { AdvertisedUrl } from '../../core/modules/module.ts';
import { hlsModule } from '../../modules/hls/index.ts';
import { readFragments, sampleBytes } from '../../wire/fmp4/fragment-reader.ts';
import { type InitSegment, readInitSegment } from '../../wire/fmp4/init-reader.ts';
import type { OpenSegment } from '../../wire/m3u8/playlist.ts';
import { readMediaPlaylist } from '../../wire/m3u8/read-media.ts';
import { readMultivariantPlaylist } from '../../wire/m3u8/read-multivariant.ts';
import type { HarnessPlayer, ReceivedUnit } from './harness.ts';
import { readNumber } from './numbered-media.ts';
import { conformance, eventually } from './suite.ts';

/** A low-latency player in the little: blocking reloads, each part once. */
class LowLatencyPlayer implements HarnessPlayer {
  readonly units: ReceivedUnit[] = [];
  readonly ended: Promise<string>;
  readonly #abort = new AbortController();
  readonly #seen = new Set<string>();
  #init: { uri: string; segment: InitSegment } | undefined;

  constructor(media: string) {
    this.ended = this.#follow(media).catch((error: unknown) => {
      if (this.#abort.signal.aborted) return 'closed';
      throw error;
    });
    // Who asks how it ended is told; nobody has to.
    this.ended.catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    // It ends by being aborted.
    await this.ended.catch(() => undefined);
  }

  async #follow(media: string): Promise<string> {
    let next = '';
    for (;;) {
      const playlist = readMediaPlaylist((await this.#load(media + next)).toString());
      const segments: readonly (OpenSegment & { readonly uri?: string })[] = [
        ...playlist.segments,
        ...(playlist.open === undefined ? [] : [playlist.open]),
      ];
      for (const { map, parts = [], uri } of segments) {
        if (map !== undefined) await this.#loadInit(new URL(map.uri, media).href);
        // Parts while they are listed, else the whole segment, once.
        const uris = parts.length > 0 ? parts.map((part) => part.uri) : uri === undefined ? [] : [uri];
        if (uri !== undefined && this.#seen.has(uri)) continue;
        for (const one of uris) await this.#take(media, one);
        if (uri !== undefined) this.#seen.add(uri);
      }
      if (playlist.endList) return 'EXT-X-ENDLIST';
      const msn = playlist.mediaSequence + playlist.segments.length;
      next = `&_HLS_msn=${msn}&_HLS_part=${playlist.open?.parts?.length ?? 0}`;
    }
  }

  async #take(media: string, uri: string): Promise<void> {
    if (this.#seen.has(uri)) return;
    this.#seen.add(uri);
    const bytes = await this.#load(new URL(uri, media).href);
    for (const fragment of readFragments(bytes, this.#init?.segment)) {
      for (const track of fragment.tracks) {
        const shape = this.#init?.segment.tracks.find(({ trackId }) => trackId === track.trackId);
        assert.ok(shape !== undefined);
        for (const sample of track.samples) {
          const payload = sampleBytes(bytes, sample);
          this.units.push({
            kind: shape.kind === 'video' ? 'video' : 'audio',
            number: readNumber(shape.kind === 'video' ? payload.subarray(4) : payload),
            millis: (sample.cts * 1_000) / shape.timescale,
            keyframe: sample.keyframe,
          });
        }
      }
    }
  }

  async #loadInit(uri: string): Promise<void> {
    if (this.#init?.uri === uri) return;
    this.#init = { uri, segment: readInitSegment(await this.#load(uri)) };
  }

  async #load(url: string): Promise<Buffer> {
    const answer = await fetch(url, { signal: this.#abort.signal });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return Buffer.from(await answer.arrayBuffer());
  }
}

async function play(base: string, name: string): Promise<HarnessPlayer> {
  const multivariant = `${base}/${name}/${name}.m3u8`;
  const asked = fetch(multivariant);
  let player: LowLatencyPlayer | undefined;
  const units: ReceivedUnit[] = [];
  let tell: (words: Promise<string>) => void = () => undefined;
  const ended = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const begun = asked.then(async (answer) => {
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status} ${text}`);
    const playlist = readMultivariantPlaylist(text);
    player = new LowLatencyPlayer(new URL(playlist.variants[0]?.uri ?? '', multivariant).href);
    tell(player.ended);
  });
  // A refusal comes at once; a playlist, only with the first media.
  let refused: unknown;
  let settled = false;
  begun.then(
    () => (settled = true),
    (error: unknown) => {
      settled = true;
      refused = error;
    },
  );
  const until = performance.now() + 150;
  await eventually('an answer or a moment', () => settled || performance.now() > until);
  if (refused !== undefined) throw refused instanceof Error ? refused : new Error('refused');
  return {
    get units() {
      return player?.units ?? units;
    },
    ended,
    close: async () => {
      await begun;
      await player?.close();
    },
  };
}

conformance({
  protocol: 'hls',
  modules: [hlsModule],
  config: {
    hls: {
      listen: { host: '127.0.0.1', port: 0 },
      secure: { enabled: false },
      limits: { idle: '1s' },
      idle: '100ms',
      ended: '2s',
    },
  },
  words: { notFound: /^Error: 404 /, refusedToPlay: /^Error: 401 .*not today/, ended: /EXT-X-ENDLIST/ },
  connect: (urls: readonly AdvertisedUrl[]) => {
    const url = urls.find(({ protocol }) => protocol === 'hls')?.url.replace('HOST', '127.0.0.1');
    return { play: (name) => play(new URL(url ?? '').origin, name) };
  },
});
