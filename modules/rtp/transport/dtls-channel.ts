import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Scope } from '../../../core/lifecycle/scope.ts';
import { afterIn, type Cancel, type Clock } from '../../../core/time/clock.ts';
import { micros } from '../../../core/time/micros.ts';
import type { DtlsIdentity, Fingerprint } from '../../../wire/dtls/certificate.ts';
import type { DtlsFailure } from '../../../wire/dtls/codes.ts';
import type { DtlsEvent } from '../../../wire/dtls/connection.ts';
import type { SrtpKeyPair } from '../../../wire/srtp/keys.ts';
import { srtpProfiles } from '../../../wire/srtp/profile.ts';
import type { DtlsAssociation, DtlsDriver } from './engines.ts';

/** Best first: what browsers have. */
const profiles = srtpProfiles.filter(({ name }) => name === 'AEAD_AES_128_GCM' || name === 'AES_CM_128_HMAC_SHA1_80');

export interface DtlsChannelSettings {
  readonly role: 'client' | 'server';
  readonly identity: DtlsIdentity;
  readonly peerFingerprints: readonly Fingerprint[];
}

export interface DtlsHearing {
  /** The peer is who signalling said. */
  onKeys(keys: SrtpKeyPair): void;
  /** Application data, after `onKeys` alone. */
  onData(bytes: Buffer): void;
  onClosed(): void;
  onFailed(reason: DtlsFailure, text: string): void;
}

export interface DtlsChannelDependencies {
  readonly driver: DtlsDriver;
  readonly clock: Clock;
  readonly scope: Scope;
  readonly send: (bytes: Buffer) => void;
  readonly hearing: DtlsHearing;
}

/** A DTLS association with its timer: datagrams in, datagrams, keys and data out. */
export class DtlsChannel {
  readonly #dependencies: DtlsChannelDependencies;
  readonly #association: DtlsAssociation;
  #cancelTimer: Cancel = () => undefined;
  #started = false;

  constructor(settings: DtlsChannelSettings, dependencies: DtlsChannelDependencies) {
    this.#dependencies = dependencies;
    // No cookies: that the peer receives where it sends from has been shown by a check.
    this.#association = dependencies.driver.open({ ...settings, srtpProfiles: profiles, random: randomBytes });
  }

  /** There is a way to the peer: a client says hello. Once. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#association.start(this.#dependencies.clock.now());
    this.#settle();
  }

  receive(datagram: Buffer): void {
    this.#association.receive(datagram, this.#dependencies.clock.now());
    this.#settle();
  }

  /** Sends application data. False when it could not. */
  send(bytes: Buffer): boolean {
    const sent = this.#association.send(bytes);
    if (sent) this.#settle();
    return sent;
  }

  /** Tells the peer that we are through. */
  close(): void {
    this.#cancelTimer();
    this.#association.close();
    for (const bytes of this.#association.takeDatagrams()) this.#dependencies.send(bytes);
  }

  #settle(): void {
    const { scope, clock, send } = this.#dependencies;
    for (const bytes of this.#association.takeDatagrams()) send(bytes);
    this.#cancelTimer();
    const { nextTimeout } = this.#association;
    if (nextTimeout !== undefined) {
      this.#cancelTimer = afterIn(scope, clock, micros(Math.max(0, nextTimeout - clock.now())), () => {
        this.#association.tick(clock.now());
        this.#settle();
      });
    }
    for (const event of this.#association.takeEvents()) this.#tell(event);
  }

  #tell(event: DtlsEvent): void {
    const { hearing } = this.#dependencies;
    switch (event.kind) {
      case 'connected':
        if (event.srtp === undefined) hearing.onFailed('nothing-in-common', 'no SRTP was agreed');
        else hearing.onKeys(event.srtp);
        break;
      case 'received':
        hearing.onData(event.bytes);
        break;
      case 'closed':
        hearing.onClosed();
        break;
      case 'failed':
        hearing.onFailed(event.reason, event.text);
        break;
    }
  }
}
