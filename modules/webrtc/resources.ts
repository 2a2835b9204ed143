import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CloseReason } from '../../core/lifecycle/close-reason.ts';
import type { Session } from '../../core/sessions/session.ts';
import type { Clock } from '../../core/time/clock.ts';
import { type Micros, millis } from '../../core/time/micros.ts';
import type { SdpIceCredentials } from '../../wire/sdp/transport-attributes.ts';
import { writeFragment } from './negotiation/fragment.ts';
import type { Peer } from './peer.ts';
import { Problem } from './problems.ts';

/** A restart costs a draw of credentials and an entry in a table: nobody needs more of them. */
const leastRestartPause = millis(500);

export interface ResourceSettings {
  readonly protocol: 'whip' | 'whep';
  readonly name: string;
  /** What the client showed when it came; the same has to be shown for every change. */
  readonly token: string | undefined;
  readonly session: Session;
  readonly peer: Peer;
}

/** A session of WHIP or WHEP as its client sees it: a resource that can be changed and deleted. RFC 9725 4. */
export class Resource {
  /** 192 random bits: who knows the id may change the session. */
  readonly id = randomBytes(24).toString('base64url');
  readonly session: Session;
  readonly peer: Peer;
  readonly #settings: ResourceSettings;
  readonly #clock: Clock;
  #etag = newTag();
  #restartedAt: Micros | undefined;

  constructor(settings: ResourceSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.session = settings.session;
    this.peer = settings.peer;
  }

  get path(): string {
    const { protocol, name } = this.#settings;
    return `/${protocol}/${encodeURIComponent(name)}/${this.id}`;
  }

  /** A strong entity tag that stands for the ICE session. RFC 9725 4.3.1. */
  get etag(): string {
    return this.#etag;
  }

  isAt(protocol: string, name: string): boolean {
    return this.#settings.protocol === protocol && this.#settings.name === name;
  }

  /** RFC 9725 4.7: what was created with a token is changed with it. */
  isOwnedBy(token: string | undefined): boolean {
    const { token: known } = this.#settings;
    if (known === undefined) return true;
    const [left, right] = [known, token ?? ''].map((text) => createHash('sha256').update(text).digest());
    return left !== undefined && right !== undefined && timingSafeEqual(left, right);
  }

  /** RFC 9110 13.1.1, RFC 6585 3. Throws Problem. */
  checkCondition(ifMatch: string | undefined): void {
    if (ifMatch === undefined || ifMatch.trim() === '') {
      throw new Problem(428, 'If-Match has to name the ICE session, or "*" for a restart.');
    }
    const tags = ifMatch.split(',', 16).map((tag) => tag.trim());
    if (tags.includes('*') || tags.includes(this.#etag)) return;
    throw new Problem(412, 'The ICE session is another one by now.');
  }

  /** The answer to a restart; undefined when the fragment belongs to the ICE session that there is. Throws Problem. */
  async takeIce(remote: SdpIceCredentials | undefined): Promise<string | undefined> {
    if (remote === undefined || remote.ufrag === this.peer.remoteUfrag) return undefined;
    const now = this.#clock.now();
    if (this.#restartedAt !== undefined && now - this.#restartedAt < leastRestartPause) {
      throw new Problem(429, 'ICE was restarted a moment ago.', { 'retry-after': '1' });
    }
    this.#restartedAt = now;
    const local = await this.peer.restart(remote);
    this.#etag = newTag();
    return writeFragment(local);
  }

  close(reason: CloseReason): Promise<void> {
    return this.session.scope.close(reason);
  }
}

function newTag(): string {
  return `"${randomBytes(12).toString('base64url')}"`;
}

/** Every resource, by its id. */
export class Resources {
  readonly #clock: Clock;
  readonly #resources = new Map<string, Resource>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#resources.size;
  }

  /** It is found until its session ends. */
  add(settings: ResourceSettings): Resource {
    const resource = new Resource(settings, this.#clock);
    this.#resources.set(resource.id, resource);
    settings.session.scope.defer(() => {
      this.#resources.delete(resource.id);
    });
    return resource;
  }

  /** The resource of that id, if it belongs to that protocol and stream. */
  find(protocol: string, name: string, id: string): Resource | undefined {
    const resource = this.#resources.get(id);
    return resource?.isAt(protocol, name) === true ? resource : undefined;
  }

  async closeAll(reason: CloseReason): Promise<void> {
    await Promise.all([...this.#resources.values()].map((resource) => resource.close(reason)));
  }
}
