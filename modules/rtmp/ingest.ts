import { CodecError } from '../../core/media/codecs/codec-error.ts';
import type { Publication } from '../../core/streams/publication.ts';
import type { Clock } from '../../core/time/clock.ts';
import { type Micros, millis } from '../../core/time/micros.ts';
import { TickUnwrapper } from '../../core/time/tick-unwrapper.ts';
import type { AmfValue } from '../../wire/amf/value.ts';
import { WireError } from '../../wire/errors.ts';
import { type FlvAudioPacket, type FlvVideoPacket, readAudioTag, readVideoTag } from '../../wire/flv/tag.ts';
import { readDataMessage } from '../../wire/rtmp/command-messages.ts';
import { messageType, type RtmpMessage } from '../../wire/rtmp/message.ts';
import { AudioIntake } from './audio-intake.ts';
import { announcedKinds, readFacts } from './metadata.ts';
import type { RtmpCounters } from './metrics.ts';
import { VideoIntake } from './video-intake.ts';

/** Media messages in a row that may be unreadable before the peer is taken for hostile. */
const mostMalformed = 100;
/** Metadata is read at most so often; encoders send it once, or at each change. */
const metadataInterval = millis(100);
/** The name of the clock that all tracks of an RTMP publication count with. */
const sourceClock = 'rtmp';

export interface IngestDependencies {
  readonly clock: Clock;
  readonly counters: RtmpCounters;
}

/** Wire → publication: what a publisher sends, or a server from which we pull. */
export class Ingest {
  readonly publication: Publication;
  readonly #clock: Clock;
  readonly #counters: RtmpCounters;
  readonly #ticks = new TickUnwrapper(32);
  readonly #video: VideoIntake;
  readonly #audio: AudioIntake;
  /** The first track of each kind is published. */
  #videoTrack: number | undefined;
  #audioTrack: number | undefined;
  #malformedInRow = 0;
  #lastMetadata = -Infinity;
  #hasMedia = false;
  /** When media last came, our monotonic time. */
  lastMedia: Micros;

  constructor(publication: Publication, dependencies: IngestDependencies) {
    this.publication = publication;
    this.#clock = dependencies.clock;
    this.#counters = dependencies.counters;
    this.#video = new VideoIntake(publication);
    this.#audio = new AudioIntake(publication);
    this.lastMedia = dependencies.clock.now();
    publication.timeline.join('video', sourceClock);
    publication.timeline.join('audio', sourceClock);
  }

  /** Takes an audio, video or data message. Throws WireError when too much of it is nonsense. */
  take(message: RtmpMessage): void {
    try {
      if (message.type === messageType.video) this.#takeVideo(message);
      else if (message.type === messageType.audio) this.#takeAudio(message);
      else this.#takeFacts(message);
      this.#malformedInRow = 0;
    } catch (error) {
      if (!(error instanceof WireError || error instanceof CodecError)) throw error;
      this.#counters.mediaMalformed += 1;
      this.#malformedInRow += 1;
      if (message.type === messageType.video) this.#video.lose();
      if (this.#malformedInRow < mostMalformed) return;
      throw new WireError('malformed', 'rtmp', `${mostMalformed} media messages in a row; the last: ${error.message}`);
    }
  }

  #takeVideo(message: RtmpMessage): void {
    if (message.payload.length === 0) return; // encoders send empty ones as a sign of life
    const tag = readVideoTag(message.payload);
    if (tag.kind === 'command') return;
    const packet = tag.kind === 'multitrack' ? this.#chooseVideo(tag.tracks) : tag;
    if (packet === undefined) return;
    this.#noteMedia();
    this.#video.take(packet, () => this.#place('video', message.timestamp, packet.nanoOffset));
  }

  #takeAudio(message: RtmpMessage): void {
    if (message.payload.length === 0) return;
    const tag = readAudioTag(message.payload);
    const packet = tag.kind === 'multitrack' ? this.#chooseAudio(tag.tracks) : tag;
    if (packet === undefined) return;
    this.#noteMedia();
    this.#audio.take(packet, () => this.#place('audio', message.timestamp, packet.nanoOffset));
  }

  #chooseVideo(tracks: readonly FlvVideoPacket[]): FlvVideoPacket | undefined {
    this.#videoTrack ??= tracks[0]?.track;
    return tracks.find((packet) => packet.track === this.#videoTrack);
  }

  #chooseAudio(tracks: readonly FlvAudioPacket[]): FlvAudioPacket | undefined {
    this.#audioTrack ??= tracks[0]?.track;
    return tracks.find((packet) => packet.track === this.#audioTrack);
  }

  #noteMedia(): void {
    this.#hasMedia = true;
    this.lastMedia = this.#clock.now();
  }

  #place(track: 'video' | 'audio', timestamp: number, nanoOffset: number): Micros {
    const ticks = this.#ticks.unwrap(timestamp) + nanoOffset / 1e6;
    return this.publication.timeline.place(track, ticks, 1_000, this.lastMedia);
  }

  #takeFacts(message: RtmpMessage): void {
    const now = this.#clock.now();
    if (now - this.#lastMetadata < metadataInterval) {
      this.#counters.metadataRefused += 1;
      return;
    }
    const values = readDataMessage(message);
    if (values === undefined) return;
    this.#lastMetadata = now;
    const [first, second, third] = values;
    if (first === '@setDataFrame' && second === 'onMetaData') this.#learn(third);
    else if (first === 'onMetaData') this.#learn(second);
    else if (first === '@clearDataFrame') this.publication.metadata = {};
  }

  #learn(value: AmfValue): void {
    const facts = readFacts(value);
    this.publication.metadata = facts;
    if (!this.#hasMedia) this.publication.stream.settling.expect(announcedKinds(facts));
  }
}
