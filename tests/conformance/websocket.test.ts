import { randomUUID } from 'node:crypto';
import type { AdvertisedUrl } from '../../core/modules/module.ts';
import { websocketModule } from '../../modules/websocket/index.ts';
import type { MediaFrame } from '../../wire/wcs/media-frame.ts';
import { waitFor } from '../support/wait-for.ts';
import { connectMedia, WcsTestClient } from '../support/wcs-client.ts';
import { websocketTree } from '../support/websocket-server.ts';
import type { HarnessPlayer, ReceivedUnit } from './harness.ts';
import { readNumber } from './numbered-media.ts';
import { conformance } from './suite.ts';

/** FLV AVC bodies: 5 bytes of header; the NAL unit has 4 bytes of length. */
const nalOffset = 9;

class MediaSourcePlayer implements HarnessPlayer {
  readonly ended: Promise<string>;
  readonly #client: WcsTestClient;
  readonly #media: WcsTestClient;
  readonly #units: ReceivedUnit[] = [];
  #read = 0;

  constructor(client: WcsTestClient, media: WcsTestClient) {
    this.#client = client;
    this.#media = media;
    this.ended = new Promise((resolve) => {
      client.socket.on('message', () => {
        const end = client.find('notifyStreamStatusEvent', ({ status }) => status === 'STOPPED' || status === 'FAILED');
        if (end !== undefined) resolve(`${String(end['status'])} ${String(end['info'])}`);
      });
    });
  }

  get units(): readonly ReceivedUnit[] {
    const { frames } = this.#media;
    for (const frame of frames.slice(this.#read)) {
      const unit = readUnit(frame);
      if (unit !== undefined) this.#units.push(unit);
    }
    this.#read = frames.length;
    return this.#units;
  }

  stall(): void {
    this.#media.socket.pause();
  }

  resume(): void {
    this.#media.socket.resume();
  }

  async close(): Promise<void> {
    this.#media.socket.terminate();
    this.#client.socket.terminate();
  }
}

function readUnit({ kind, timestamp, payload }: MediaFrame): ReceivedUnit | undefined {
  if (kind === 'audio') {
    if (payload[0] === 0) return undefined;
    return { kind, number: readNumber(payload.subarray(1)), millis: timestamp, keyframe: true };
  }
  if (payload[1] !== 1) return undefined;
  return { kind, number: readNumber(payload.subarray(nalOffset)), millis: timestamp, keyframe: payload[0] === 0x17 };
}

conformance({
  protocol: 'websocket',
  modules: [websocketModule],
  config: { websocket: websocketTree() },
  words: {
    notFound: /FAILED Stream not found/,
    refusedToPlay: /FAILED Restricted access/,
    ended: /STOPPED Stopped by publisher stop/,
  },
  connect(urls: readonly AdvertisedUrl[]) {
    const url = urls.find((candidate) => candidate.url.startsWith('ws://'))?.url ?? '';
    const port = Number(/:(\d+)\//.exec(url)?.[1]);
    return {
      async play(name) {
        const client = await WcsTestClient.connect(port);
        const id = randomUUID();
        client.play(id, name);
        await waitFor('an answer', () => client.heard.some(({ message }) => /SDP|StatusEvent/.test(message)));
        const failed = client.find('notifyStreamStatusEvent', ({ status }) => status === 'FAILED');
        if (failed !== undefined) {
          client.socket.terminate();
          throw new Error(`FAILED ${String(failed['info'])}`);
        }
        const media = await connectMedia(port, client.token);
        await client.status(id, 'PLAYING');
        return new MediaSourcePlayer(client, media);
      },
    };
  },
});
