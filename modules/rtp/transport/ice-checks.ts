import type { Buffer } from 'node:buffer';
import { StunAttribute, StunErrorCode, StunMethod } from '../../../wire/stun/attributes.ts';
import { checkFingerprint, checkIntegrity } from '../../../wire/stun/integrity.ts';
import { readStunMessage, StunMessage } from '../../../wire/stun/message.ts';
import { StunWriter } from '../../../wire/stun/writer.ts';
import type { IceGeneration, UfragBook } from './ice-agent.ts';
import type { CheckRefusal, PeerCounters } from './metrics.ts';
import type { PeerPath } from './path.ts';

/** Where a check came from. */
export interface CheckOrigin {
  readonly address: string;
  readonly port: number;
  /** The way, when a check has passed on it before. */
  findPath(): PeerPath | undefined;
  /** The way, made when there is none. */
  openPath(): PeerPath;
  answer(bytes: Buffer): void;
}

/** RFC 8489 14.3: USERNAME has fewer than 509 bytes. */
const longestUsername = 513;
const answerCapacity = 128;
const mostUnknown = 8;

/**
 * Reads and answers connectivity checks (RFC 8445 7.3). What is not authentic is dropped without a word: an answer would tell a
 * stranger which ufrags exist, and could be aimed at somebody else. An authentic peer gets no answer longer than its check.
 */
export class IceChecks {
  readonly #ufrags: UfragBook;
  readonly #counters: PeerCounters;
  readonly #message = new StunMessage();

  constructor(ufrags: UfragBook, counters: PeerCounters) {
    this.#ufrags = ufrags;
    this.#counters = counters;
  }

  /** Takes a STUN message. True when it was an authentic check. */
  receive(bytes: Buffer, origin: CheckOrigin): boolean {
    const message = this.#message;
    if (!readStunMessage(bytes, message) || message.method !== StunMethod.binding) return this.#refuse('malformed');
    // We ask nothing, so nobody answers us; indications keep translators awake (RFC 8445 11) and say no more.
    if (message.messageClass !== 'request') return false;
    const generation = this.#findGeneration(message);
    if (generation === undefined) return this.#refuse('unknown-ufrag');
    if (checkFingerprint(message) !== 'good') return this.#refuse('fingerprint');
    if (checkIntegrity(message, generation.key) !== 'good') return this.#refuse('integrity');
    this.#take(message, generation, origin);
    return true;
  }

  #findGeneration(message: StunMessage): IceGeneration | undefined {
    const name = message.find(StunAttribute.username);
    if (name === undefined || name.length > longestUsername) return undefined;
    const colon = name.indexOf(0x3a); // RFC 8445 7.2.2: ours, a colon, theirs
    return colon < 0 ? undefined : this.#ufrags.get(name.toString('latin1', 0, colon));
  }

  /** From here on the peer is known: its password has made the integrity. */
  #take(message: StunMessage, generation: IceGeneration, origin: CheckOrigin): void {
    const { agent } = generation;
    const unknown = message.unknownRequired();
    if (unknown.length > 0) {
      this.#answerError(message, generation, origin, 'unknown-attribute', (writer) =>
        writer.errorCode(StunErrorCode.unknownAttribute, '').unknownAttributes(unknown.slice(0, mostUnknown)),
      );
      return;
    }
    // RFC 8445 7.3.1.1: we are lite and never control, whatever the tie breakers say.
    if (message.has(StunAttribute.iceControlled)) {
      this.#answerError(message, generation, origin, 'role-conflict', (writer) =>
        writer.errorCode(StunErrorCode.roleConflict, ''),
      );
      return;
    }
    const priority = message.findNumber(StunAttribute.priority);
    if (priority === undefined) {
      this.#answerError(message, generation, origin, 'bad-request', (writer) =>
        writer.errorCode(StunErrorCode.badRequest, ''),
      );
      return;
    }
    const known = origin.findPath();
    if (known !== undefined && !agent.mayUse(known)) {
      this.#refuse('taken');
      return;
    }
    this.#counters.checks += 1;
    const { address, port } = origin;
    const answer = new StunWriter('success', StunMethod.binding, message.transaction, answerCapacity)
      .xorAddress(StunAttribute.xorMappedAddress, { address, port })
      .integrity(generation.key)
      .fingerprint()
      .finish();
    const path = known ?? origin.openPath();
    // The answer first: what the check makes us send comes behind it.
    origin.answer(answer);
    const nominates = message.has(StunAttribute.useCandidate);
    agent.accept(generation, path, { priority, nominates });
  }

  #answerError(
    message: StunMessage,
    generation: IceGeneration,
    origin: CheckOrigin,
    reason: CheckRefusal,
    write: (writer: StunWriter) => StunWriter,
  ): void {
    this.#refuse(reason);
    if (!generation.agent.mayAnswerError()) return;
    const writer = new StunWriter('error', StunMethod.binding, message.transaction, answerCapacity);
    const answer = write(writer).integrity(generation.key).fingerprint().finish();
    if (answer.length <= message.bytes.length) origin.answer(answer);
  }

  #refuse(reason: CheckRefusal): false {
    this.#counters.refusedChecks[reason] += 1;
    return false;
  }
}
