import { Buffer } from 'node:buffer';
import { WireError } from '../errors.ts';
import { keyingMaterialLength, type SrtpKeyPair, splitKeyingMaterial } from '../srtp/keys.ts';
import { ReplayWindow } from '../srtp/packet-index.ts';
import { ClientHandshake } from './client-handshake.ts';
import { Alert, ContentType, type DtlsFailure, dtls12, HandshakeRefusal, HandshakeType } from './codes.ts';
import type { CookieSettings } from './cookie.ts';
import { FlightSender } from './flight-sender.ts';
import type { Handshake, HandshakeSettings } from './handshake.ts';
import { findFragments, type HandshakeFragment, Reassembly } from './reassembly.ts';
import { type DtlsRecord, findRecord, longestPlain, RecordCipher } from './record.ts';
import { ServerHandshake } from './server-handshake.ts';

export type DtlsSettings = HandshakeSettings & {
  readonly role: 'client' | 'server';
  /** A server with cookies computes nothing for a client that has not shown that it receives at its address. */
  readonly cookies?: CookieSettings;
  /** The longest datagram that the handshake makes, bytes. 1200 by default. */
  readonly mtu?: number;
};

/** What has happened, in order. `failed` and `closed` are the last. */
export type DtlsEvent =
  /** The peer is who signalling said, and both have the keys. SRTP keys when a profile was agreed. */
  | { readonly kind: 'connected'; readonly srtp: SrtpKeyPair | undefined }
  /** Application data: SCTP of data channels. Never before `connected`. */
  | { readonly kind: 'received'; readonly bytes: Buffer }
  /** The peer or we said close_notify. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly reason: DtlsFailure; readonly text: string };

/** RFC 5764 4.2. */
const srtpLabel = 'EXTRACTOR-dtls_srtp';
const applicationEpoch = 1;
/** Records of the next epoch that came before the messages which make its keys: at most a flight's. */
const mostEarly = 4;
const warningLevel = 1;
const fatalLevel = 2;
/** An authentic peer is told so often that we don't renegotiate. */
const mostRenegotiationAnswers = 3;

/**
 * One DTLS 1.2 association (RFC 6347) without sockets and clocks: datagrams and times go in, datagrams and events come
 * out. Times are whole microseconds of any monotonic clock. Nothing that a peer sends makes a method throw: what is not
 * authentic is dropped and counted (4.1.2.7), what breaks the handshake ends it with an event.
 */
export class DtlsConnection {
  /** Records that were dropped: no record at all, not authentic, replayed, or not allowed where they came. */
  droppedRecords = 0;
  readonly #settings: DtlsSettings;
  readonly #handshake: Handshake;
  readonly #reassembly = new Reassembly();
  readonly #sender: FlightSender;
  readonly #replay = new ReplayWindow();
  #events: DtlsEvent[] = [];
  #state: 'handshake' | 'connected' | 'ended' = 'handshake';
  #opener: RecordCipher | undefined;
  #early: Buffer[] = [];
  /** The number of the message that our last flight answered. */
  #answered = -1;
  #renegotiationAnswers = 0;

  constructor(settings: DtlsSettings) {
    this.#settings = settings;
    this.#sender = new FlightSender(settings.mtu);
    this.#handshake =
      settings.role === 'client' ? new ClientHandshake(settings) : new ServerHandshake(settings, settings.cookies);
  }

  get state(): 'handshake' | 'connected' | 'ended' {
    return this.#state;
  }

  /** When `tick` must be called; undefined when nothing is waited for. */
  get nextTimeout(): number | undefined {
    return this.#state === 'handshake' ? this.#sender.nextTimeout : undefined;
  }

  /** What is to be sent, in order. */
  takeDatagrams(): Buffer[] {
    return this.#sender.takeDatagrams();
  }

  takeEvents(): DtlsEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** A client sends its hello; a server waits for one. */
  start(now: number): void {
    if (this.#handshake instanceof ClientHandshake) this.#sender.send(this.#handshake.start(), now);
  }

  /** Sends a flight again when its time has come. To be called at `nextTimeout`; earlier does no harm. */
  tick(now: number): void {
    if (this.#state !== 'handshake') return;
    if (this.#sender.tick(now) === 'given-up') this.#end({ kind: 'failed', reason: 'timeout', text: 'no answer' });
  }

  /** Takes a datagram; its bytes may be kept, and are not changed. */
  receive(datagram: Buffer, now: number): void {
    for (let at = 0; at < datagram.length && this.#state !== 'ended'; ) {
      const record = findRecord(datagram, at);
      if (record === undefined) {
        this.droppedRecords += 1;
        return;
      }
      at += record.bytes.length;
      this.#receiveGuarded(record, now);
    }
  }

  /** Sends application data in one record. False, and nothing sent, when not connected or longer than a record holds. */
  send(bytes: Buffer): boolean {
    if (this.#state !== 'connected' || bytes.length > longestPlain) return false;
    this.#sender.sendRecord(ContentType.applicationData, bytes);
    return true;
  }

  /** Tells the peer that we are through (RFC 5246 7.2.1). */
  close(): void {
    if (this.#state === 'ended') return;
    this.#sendAlert(warningLevel, Alert.closeNotify);
    this.#end({ kind: 'closed' });
  }

  /** RFC 5705, without a context; undefined before `connected`. */
  findKeyingMaterial(label: string, length: number): Buffer | undefined {
    return this.#state === 'connected' ? this.#handshake.agreed?.secrets.export(label, length) : undefined;
  }

  #receiveGuarded(record: DtlsRecord, now: number): void {
    try {
      this.#receiveRecord(record, now);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    if (error instanceof HandshakeRefusal) {
      this.#sendAlert(fatalLevel, error.alert);
      this.#end({ kind: 'failed', reason: error.reason, text: error.message });
    } else if (error instanceof WireError) {
      this.#sendAlert(fatalLevel, Alert.decodeError);
      this.#end({ kind: 'failed', reason: 'protocol-error', text: error.message });
    } else {
      throw error;
    }
  }

  #receiveRecord(record: DtlsRecord, now: number): void {
    if (record.epoch === 0) {
      // In clear nothing counts but the handshake, and that only while it lasts.
      if (this.#state === 'handshake' && record.body.length <= longestPlain) this.#receiveClear(record, now);
      else this.droppedRecords += 1;
      return;
    }
    if (record.epoch !== applicationEpoch || record.version !== dtls12) {
      this.droppedRecords += 1;
      return;
    }
    if (this.#opener === undefined) this.#keepEarly(record);
    else this.#receiveSealed(record, this.#opener, now);
  }

  #keepEarly(record: DtlsRecord): void {
    if (this.#early.length < mostEarly) this.#early.push(record.bytes);
    else this.droppedRecords += 1;
  }

  #receiveClear({ type, body }: DtlsRecord, now: number): void {
    if (type === ContentType.handshake) this.#receiveFragments(body, 0, now);
    else if (type === ContentType.alert) this.#receiveAlert(body);
    // ChangeCipherSpec says nothing in DTLS: the epoch of a record tells its keys (RFC 6347 4.1).
    else if (type !== ContentType.changeCipherSpec) this.droppedRecords += 1;
  }

  #receiveSealed(record: DtlsRecord, opener: RecordCipher, now: number): void {
    const plain = this.#replay.isFresh(record.sequence) ? opener.open(record) : undefined;
    if (plain === undefined) {
      this.droppedRecords += 1;
      return;
    }
    this.#replay.accept(record.sequence); // RFC 6347 4.1.2.6: only behind the check of the tag
    if (record.type === ContentType.handshake) this.#receiveFragments(plain, applicationEpoch, now);
    else if (record.type === ContentType.alert) this.#receiveAlert(plain);
    else if (record.type === ContentType.applicationData && this.#state === 'connected') {
      this.#events.push({ kind: 'received', bytes: plain });
    } else this.droppedRecords += 1;
  }

  #receiveFragments(body: Buffer, epoch: number, now: number): void {
    const fragments = findFragments(body);
    if (fragments === undefined) {
      this.droppedRecords += 1;
      return;
    }
    for (const fragment of fragments) {
      // Finished is the one message that is encrypted, and never comes in clear.
      if (this.#state === 'connected') this.#receiveLate(fragment, now);
      else if ((fragment.type === HandshakeType.finished) === (epoch === applicationEpoch))
        this.#assemble(fragment, now);
      else this.droppedRecords += 1;
      if (this.#state === 'ended') return;
    }
  }

  #assemble(fragment: HandshakeFragment, now: number): void {
    const reassembly = this.#reassembly;
    if (this.#isAnsweredAlready(fragment)) {
      this.#sender.repeat(now);
      return;
    }
    // The cookie came to a server that has forgotten the first hello, as it may (RFC 6347 4.2.1).
    const isSecondHello = fragment.type === HandshakeType.clientHello && fragment.sequence === 1;
    if (isSecondHello && reassembly.expected === 0 && reassembly.size === 0) reassembly.restart(1);
    reassembly.add(fragment);
    for (let message = reassembly.findNext(); message !== undefined; message = reassembly.findNext()) {
      const flight = this.#handshake.receive(message);
      // The keys first: our Finished is encrypted with them.
      this.#installKeys();
      if (flight !== undefined) {
        this.#answered = message.sequence;
        this.#sender.send(flight, now);
      }
      if (this.#handshake.isDone) this.#connect();
      if (this.#opener !== undefined) this.#replayEarly(this.#opener, now);
      if (this.#state !== 'handshake') return;
    }
  }

  /** The peer repeats the end of the flight that our last one answered: ours was lost (RFC 6347 4.2.4). */
  #isAnsweredAlready({ sequence, offset, bytes, length }: HandshakeFragment): boolean {
    return sequence === this.#answered && offset + bytes.length === length;
  }

  #receiveLate(fragment: HandshakeFragment, now: number): void {
    if (fragment.type === HandshakeType.finished && this.#isAnsweredAlready(fragment)) {
      // A client that repeats Finished has not had ours. A server never waits for an answer to its own.
      if (this.#settings.role === 'server') this.#sender.repeat(now);
    } else if (fragment.type === HandshakeType.helloRequest || fragment.type === HandshakeType.clientHello) {
      // RFC 5246 7.4.1.1: renegotiation is refused, and nothing else happens.
      if (this.#renegotiationAnswers >= mostRenegotiationAnswers) return;
      this.#renegotiationAnswers += 1;
      this.#sendAlert(warningLevel, Alert.noRenegotiation);
    } else this.droppedRecords += 1;
  }

  #installKeys(): void {
    const { agreed } = this.#handshake;
    if (this.#opener !== undefined || agreed === undefined) return;
    const keys = agreed.secrets.recordKeys();
    const isClient = this.#settings.role === 'client';
    this.#opener = new RecordCipher(agreed.suite, isClient ? keys.server : keys.client);
    this.#sender.useCipher(new RecordCipher(agreed.suite, isClient ? keys.client : keys.server));
  }

  #replayEarly(opener: RecordCipher, now: number): void {
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) {
      const record = findRecord(bytes, 0);
      if (record !== undefined && this.#state !== 'ended') this.#receiveSealed(record, opener, now);
    }
  }

  #connect(): void {
    const { agreed } = this.#handshake;
    if (agreed === undefined || this.#state !== 'handshake') return;
    this.#state = 'connected';
    this.#sender.settle(this.#settings.role === 'server');
    const { secrets, srtpProfile: profile } = agreed;
    const srtp =
      profile === undefined
        ? undefined
        : splitKeyingMaterial(profile, secrets.export(srtpLabel, keyingMaterialLength(profile)), this.#settings.role);
    this.#events.push({ kind: 'connected', srtp });
  }

  #receiveAlert(body: Buffer): void {
    const [level, description] = body;
    if (body.length !== 2 || level === undefined || description === undefined) {
      this.droppedRecords += 1;
    } else if (description === Alert.closeNotify) {
      this.close();
    } else if (level === fatalLevel) {
      this.#end({ kind: 'failed', reason: 'alert', text: `the peer sent alert ${description}` });
    }
  }

  #sendAlert(level: number, description: number): void {
    this.#sender.sendRecord(ContentType.alert, Buffer.of(level, description));
  }

  #end(event: DtlsEvent): void {
    this.#state = 'ended';
    this.#early = [];
    this.#reassembly.restart(0);
    this.#events.push(event);
  }
}
