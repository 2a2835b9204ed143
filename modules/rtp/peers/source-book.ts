import type { Micros } from '../../../core/time/micros.ts';
import { seconds } from '../../../core/time/micros.ts';
import { findExtension } from '../../../wire/rtp/extensions.ts';
import type { RtpPacket } from '../../../wire/rtp/packet.ts';
import type { PeerMedium } from '../contract.ts';
import { extensionIds } from './header-extensions.ts';
import type { IncomingLayer } from './incoming-layer.ts';

/** Where the packets of one source belong. */
export interface IncomingSource {
  readonly layer: IncomingLayer;
  /** They are retransmissions (RFC 4588). */
  readonly retransmits: boolean;
  lastSeen: Micros;
}

/** Sources that are known at one time: three layers and their retransmissions, sound, and as many again after a change. */
const mostSources = 32;
/** A source that has been silent for so long may be forgotten for another. */
const forgetAfter = seconds(5);
/** RFC 8843 9.2 and RFC 8852 3: identification tags are short tokens. */
const longestTag = 64;

/**
 * Which medium and layer a source belongs to: by the extensions of its packets, the description, or its payload type. RFC 8843 9.2.
 * What was learned once holds for the source; a stranger can have no more than a few.
 */
export class SourceBook {
  readonly #layers: readonly IncomingLayer[];
  readonly #media: readonly PeerMedium[];
  readonly #sources = new Map<number, IncomingSource>();

  constructor(layers: readonly IncomingLayer[]) {
    this.#layers = layers;
    this.#media = [...new Set(layers.map(({ medium }) => medium))];
  }

  get size(): number {
    return this.#sources.size;
  }

  /** Undefined for a source that belongs nowhere. */
  find(packet: RtpPacket, arrival: Micros): IncomingSource | undefined {
    const known = this.#sources.get(packet.ssrc);
    if (known !== undefined) {
      known.lastSeen = arrival;
      return known;
    }
    const source = this.#learn(packet, arrival);
    if (source === undefined || !this.#makeRoom(arrival)) return undefined;
    this.#sources.set(packet.ssrc, source);
    return source;
  }

  /** The layer whose media has that source, as far as it is known. */
  findLayer(ssrc: number): IncomingLayer | undefined {
    const known = this.#sources.get(ssrc);
    if (known !== undefined) return known.retransmits ? undefined : known.layer;
    // A report may come before the first packet.
    const medium = this.#media.find(({ sources, rids }) => rids.length === 0 && sources[0]?.ssrc === ssrc);
    return medium === undefined ? undefined : this.#layers.find((layer) => layer.medium === medium);
  }

  forget(ssrc: number): void {
    this.#sources.delete(ssrc);
  }

  #learn(packet: RtpPacket, lastSeen: Micros): IncomingSource | undefined {
    const medium = this.#mediumOf(packet);
    if (medium === undefined) return undefined;
    const retransmits = medium.formats.some(({ rtx }) => rtx === packet.payloadType);
    if (!retransmits && !medium.formats.some(({ payloadType }) => payloadType === packet.payloadType)) return undefined;
    const layer = this.#layerOf(medium, packet, retransmits);
    return layer === undefined ? undefined : { layer, retransmits, lastSeen };
  }

  #mediumOf(packet: RtpPacket): PeerMedium | undefined {
    for (const medium of this.#media) {
      const mid = tagOf(packet, extensionIds(medium).mid);
      if (mid !== undefined) return this.#media.find((one) => one.mid === mid);
    }
    const told = this.#media.find(({ sources }) =>
      sources.some(({ ssrc, rtx }) => ssrc === packet.ssrc || rtx === packet.ssrc),
    );
    if (told !== undefined) return told;
    const fitting = this.#media.filter(({ formats }) =>
      formats.some(({ payloadType, rtx }) => payloadType === packet.payloadType || rtx === packet.payloadType),
    );
    return fitting.length === 1 ? fitting[0] : undefined;
  }

  #layerOf(medium: PeerMedium, packet: RtpPacket, retransmits: boolean): IncomingLayer | undefined {
    const layers = this.#layers.filter((layer) => layer.medium === medium);
    if (layers.length === 1 && layers[0]?.rid === '') return layers[0];
    const ids = extensionIds(medium);
    const rid = (retransmits ? tagOf(packet, ids.repairedRid) : undefined) ?? tagOf(packet, ids.rid);
    return layers.find((layer) => layer.rid === rid);
  }

  #makeRoom(now: Micros): boolean {
    if (this.#sources.size < mostSources) return true;
    for (const [ssrc, { lastSeen }] of this.#sources) {
      if (now - lastSeen < forgetAfter) continue;
      this.#sources.delete(ssrc);
      return true;
    }
    return false;
  }
}

function tagOf(packet: RtpPacket, id: number): string | undefined {
  if (id === 0) return undefined;
  const value = findExtension(packet, id);
  return value === undefined || value.length > longestTag ? undefined : value.toString('latin1');
}
