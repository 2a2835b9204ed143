import { satisfies } from '../../../core/media/codec-target.ts';
import { targetsOf } from '../../../core/renditions/profile.ts';
import { isComing, isLayer, isLayerOf, layersOf, layersWithin } from '../../../core/streams/layers.ts';
import type { TrackWish } from '../../../core/streams/requests.ts';
import type { Subscription } from '../../../core/streams/subscription.ts';
import type { Track } from '../../../core/streams/track.ts';
import { type Micros, seconds } from '../../../core/time/micros.ts';

/** Layers are measured so often; the weight of the newest measure. */
const interval = seconds(1);
const weight = 0.4;
/** Up only with room to spare, and not at once after a change; down as soon as it does not fit. */
const spare = 1.15;
const calm = seconds(3);

interface MeasuredLayer {
  bytes: number;
  at: Micros;
  /** Bits a second of pictures; 0: nothing comes. */
  rate: number;
}

/** Which layer of a publisher's simulcast a viewer's bandwidth is enough for, up to the one that the viewer wished for. */
export class LayerChoice {
  readonly #subscription: Subscription;
  /** What goes out besides the pictures, for a rate of them: bits a second. */
  readonly #total: (pictures: number) => number;
  readonly #measured = new Map<Track, MeasuredLayer>();
  #changedAt = -Infinity;
  /** Where the layer that is wanted is waited for: from this place in its log on. */
  #wanted: { readonly track: Track; readonly from: number } | undefined;
  /** What the next larger layer needs in all, bits a second; undefined where there is none. */
  goal: number | undefined;
  changes = 0;

  constructor(subscription: Subscription, total: (pictures: number) => number) {
    this.#subscription = subscription;
    this.#total = total;
  }

  /** Looks at the layers that come in, smallest first, and measures them. Called now and then. */
  choose(target: number, now: Micros): void {
    const current = this.#current;
    this.goal = undefined;
    if (current === undefined) return;
    const coming = this.#measure(now);
    const layers = this.#allowed(coming);
    if (layers.length === 0) {
      this.#leaveSilence(current);
      return;
    }
    // The published track is the best layer under another name. What has stopped, or is more than was wished for, is left at once.
    const top = layers.length === coming.length ? layers.length - 1 : layers.length;
    const among = isLayer(current) ? layers.indexOf(current) : top;
    const at = among < 0 ? layers.length : among;
    const larger = layers[at + 1];
    if (larger !== undefined) this.goal = this.#total(this.#rateOf(larger)) * spare;
    let best = 0;
    for (let index = 1; index < layers.length; index += 1) {
      const needed = this.#total(this.#rateOf(layers[index] as Track)) * (index > at ? spare : 1);
      if (needed <= target) best = index;
    }
    if (best === at || (best > at && now - this.#changedAt < calm)) this.#wanted = undefined;
    else this.#want(layers[best] as Track);
  }

  /** Goes over to the layer that is wanted as soon as its key frame is there. True when it did. */
  change(now: Micros): boolean {
    const wanted = this.#wanted;
    if (wanted === undefined || wanted.track.log.findKeyframeFrom(wanted.from) === undefined) return false;
    this.#wanted = undefined;
    this.#changedAt = now;
    this.changes += 1;
    this.#subscription.bind(wanted.track);
    return true;
  }

  /** The layer that is watched; undefined without layers. */
  get layer(): string | undefined {
    const current = this.#current;
    return current !== undefined && isLayer(current) ? current.id : undefined;
  }

  /** What the viewer watches, where it is a layer or could be one: not what a transcoder made for it. */
  get #current(): Track | undefined {
    const { tracks, stream } = this.#subscription;
    const track = tracks.find(({ kind }) => kind === 'video');
    return track !== undefined && (isLayer(track) || track === stream.findTrack('video')) ? track : undefined;
  }

  #allowed(coming: readonly Track[]): readonly Track[] {
    const wish = this.#wish;
    return wish === undefined ? coming : layersWithin(coming, wish, (track) => this.#rateOf(track));
  }

  /** The publisher makes no layers any more, as after it has come back: what is published is all there is. */
  #leaveSilence(current: Track): void {
    const published = this.#subscription.stream.findTrack('video');
    if (published === undefined || !isLayer(current) || isComing(current, published)) return;
    if (this.#takes(published)) this.#want(published);
  }

  get #wish(): TrackWish | undefined {
    return this.#subscription.wishes.find(({ kind }) => kind === 'video');
  }

  #want(track: Track): void {
    if (this.#wanted?.track === track) return;
    this.#wanted = { track, from: track.log.end };
    this.#subscription.stream.requestKeyframe();
  }

  /** A viewer that asked for a size, and does not go among layers for it, gets no other. */
  #takes({ codec }: Track): boolean {
    const wish = this.#wish;
    if (wish === undefined || codec.name !== this.#current?.codec.name) return false;
    return isLayerOf(codec, wish) || targetsOf(wish, codec).some((target) => satisfies(codec, target));
  }

  #rateOf(track: Track): number {
    return this.#measured.get(track)?.rate ?? 0;
  }

  #measure(now: Micros): Track[] {
    const { stream } = this.#subscription;
    const layers = layersOf(stream, 'video').filter((track) => this.#takes(track));
    for (const track of layers) {
      const { bytes } = track.counters;
      const known = this.#measured.get(track);
      if (known === undefined) {
        this.#measured.set(track, { bytes, at: now, rate: 0 });
        continue;
      }
      if (now - known.at < interval) continue;
      const rate = ((bytes - known.bytes) * 8e6) / (now - known.at);
      known.rate = known.rate === 0 || rate === 0 ? rate : known.rate + weight * (rate - known.rate);
      known.bytes = bytes;
      known.at = now;
    }
    return layers.filter((track) => this.#rateOf(track) > 0).sort((a, b) => this.#rateOf(a) - this.#rateOf(b));
  }
}
