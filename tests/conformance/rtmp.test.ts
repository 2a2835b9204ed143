import type { AdvertisedUrl } from '../../core/modules/module.ts';
import { rtmpModule } from '../../modules/rtmp/index.ts';
import { writeAvcRecord } from '../../wire/codec-records/avc-record.ts';
import {
  audioFrameHeader,
  readAudioTag,
  readVideoTag,
  videoFrameHeader,
  writeAudioConfig,
  writeVideoConfig,
} from '../../wire/flv/tag.ts';
import { messageType, type RtmpMessage } from '../../wire/rtmp/message.ts';
import { RtmpTestClient } from '../support/rtmp-client.ts';
import type { HarnessPlayer, HarnessPublisher, ReceivedUnit } from './harness.ts';
import {
  conformanceAac,
  conformanceH264,
  frameMillis,
  numberedAudioFrame,
  numberedNal,
  readNumber,
} from './numbered-media.ts';
import { conformance } from './suite.ts';

const { sps, pps, profile, constraints, level } = conformanceH264;
const avcConfig = writeVideoConfig(
  'h264',
  writeAvcRecord({ profile, compatibility: constraints, level, lengthSize: 4, sps, pps }),
);
const aacConfig = writeAudioConfig('aac', conformanceAac.config);

class RtmpPlayer implements HarnessPlayer {
  readonly ended: Promise<string>;
  readonly #client: RtmpTestClient;
  readonly #units: ReceivedUnit[] = [];
  #read = 0;

  constructor(client: RtmpTestClient) {
    this.#client = client;
    this.ended = new Promise((resolve) => {
      client.socket.on('data', () => {
        const word = client.statuses.find((status) => status === 'NetStream.Play.UnpublishNotify');
        if (word !== undefined) resolve(word);
      });
    });
  }

  get units(): readonly ReceivedUnit[] {
    for (const message of this.#client.messages.slice(this.#read)) {
      const unit = readUnit(message);
      if (unit !== undefined) this.#units.push(unit);
    }
    this.#read = this.#client.messages.length;
    return this.#units;
  }

  stall(): void {
    this.#client.socket.pause();
  }

  resume(): void {
    this.#client.socket.resume();
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }
}

function readUnit(message: RtmpMessage): ReceivedUnit | undefined {
  if (message.type === messageType.video) {
    const tag = readVideoTag(message.payload);
    if (tag.kind !== 'frame') return undefined;
    const number = readNumber(tag.payload.subarray(4));
    return { kind: 'video', number, millis: message.timestamp, keyframe: tag.keyframe };
  }
  if (message.type !== messageType.audio) return undefined;
  const tag = readAudioTag(message.payload);
  if (tag.kind !== 'frame') return undefined;
  return { kind: 'audio', number: readNumber(tag.payload), millis: message.timestamp, keyframe: true };
}

class RtmpPublisher implements HarnessPublisher {
  readonly #client: RtmpTestClient;
  readonly #streamId: number;
  #begun = false;

  constructor(client: RtmpTestClient, streamId: number) {
    this.#client = client;
    this.#streamId = streamId;
  }

  video(number: number, keyframe: boolean): void {
    this.#begin();
    const nal = numberedNal(number, keyframe, 500);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(nal.length);
    const body = Buffer.concat([videoFrameHeader('h264', keyframe, 0), length, nal]);
    this.#client.sendMedia('video', this.#streamId, number * frameMillis, body);
  }

  audio(number: number): void {
    this.#begin();
    const body = Buffer.concat([audioFrameHeader('aac'), numberedAudioFrame(number)]);
    this.#client.sendMedia('audio', this.#streamId, number * frameMillis, body);
  }

  async leave(): Promise<void> {
    this.#client.command(this.#streamId, 'FCUnpublish', 'in');
    this.#client.command(this.#streamId, 'deleteStream', this.#streamId);
    await this.#client.status('NetStream.Unpublish.Success');
    this.#client.destroy();
  }

  vanish(): void {
    this.#client.socket.resetAndDestroy();
  }

  /** Both at once, as real encoders do, so that the stream is known to have two tracks. */
  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#client.sendMedia('video', this.#streamId, 0, avcConfig);
    this.#client.sendMedia('audio', this.#streamId, 0, aacConfig);
  }
}

function portOf(urls: readonly AdvertisedUrl[]): number {
  const url = urls.find((candidate) => candidate.url.startsWith('rtmp://'))?.url ?? '';
  return Number(/:(\d+)\//.exec(url)?.[1] ?? 1935);
}

conformance({
  protocol: 'rtmp',
  modules: [rtmpModule],
  config: { rtmp: { listen: { host: '127.0.0.1', port: 0 } } },
  words: {
    notFound: /NetStream\.Play\.StreamNotFound/,
    refusedToPlay: /NetStream\.Play\.Failed|NetStream\.Play\.StreamNotFound/,
    ended: /NetStream\.Play\.UnpublishNotify/,
    nameTaken: /NetStream\.Publish\.BadName/,
    refusedToPublish: /NetStream\.Publish\.(BadName|Denied|Failed|Rejected)/,
  },
  connect(urls) {
    const port = portOf(urls);
    return {
      async play(name) {
        const client = await RtmpTestClient.connect({ port });
        try {
          await client.play(name);
        } catch (error) {
          client.destroy();
          throw error;
        }
        return new RtmpPlayer(client);
      },
      async publish(name) {
        const client = await RtmpTestClient.connect({ port });
        try {
          return new RtmpPublisher(client, await client.publish(name));
        } catch (error) {
          client.destroy();
          throw error;
        }
      },
    };
  },
});
