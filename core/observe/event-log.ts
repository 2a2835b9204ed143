import { describeError } from '../errors.ts';
import type { EventBus } from '../events/bus.ts';
import {
  RenditionEnded,
  RenditionStarted,
  SessionClosed,
  SessionOpened,
  StreamDiscontinued,
  StreamEnded,
  StreamInterrupted,
  StreamPublished,
  StreamResumed,
  SubscriberJoined,
  SubscriberLagging,
  SubscriberLeft,
  TrackAdded,
  TrackCodecChanged,
} from '../events/catalogue.ts';
import type { CloseReason } from '../lifecycle/close-reason.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { describeCodec } from '../media/codecs/describe-codec.ts';
import type { Log } from './log.ts';

/** Writes the core's events down: what happens to streams as info, to single peers as debug. */
export function logEvents(events: EventBus, scope: Scope, log: Log): void {
  logStreams(events, scope, log);
  logPeers(events, scope, log);
}

function logStreams(events: EventBus, scope: Scope, log: Log): void {
  events.on(StreamPublished, scope, ({ stream }) => {
    log.info('A stream is published.', { stream: stream.name, session: stream.publication?.session.id });
  });
  events.on(StreamInterrupted, scope, ({ stream, reason }) => {
    log.info('A publisher dropped; its viewers are kept for a while.', { stream: stream.name, ...facts(reason) });
  });
  events.on(StreamResumed, scope, ({ stream }) => {
    log.info('A stream has a publisher again.', { stream: stream.name, session: stream.publication?.session.id });
  });
  events.on(StreamEnded, scope, ({ stream, reason }) => {
    log.info('A stream has ended.', { stream: stream.name, ...facts(reason) });
  });
  events.on(StreamDiscontinued, scope, ({ stream, track, jumped }) => {
    log.warn("A publisher's clock jumped.", { stream: stream.name, track, seconds: jumped / 1e6 });
  });
  events.on(TrackAdded, scope, ({ stream, track }) => {
    log.info('A stream has a track.', { stream: stream.name, track: track.id, codec: describeCodec(track.codec) });
  });
  events.on(TrackCodecChanged, scope, ({ stream, track }) => {
    log.info("A track's codec changed.", { stream: stream.name, track: track.id, codec: describeCodec(track.codec) });
  });
  events.on(RenditionStarted, scope, ({ stream, track, transcoder }) => {
    log.info('A rendition runs.', { stream: stream.name, track: track.id, transcoder });
  });
  events.on(RenditionEnded, scope, ({ stream, track, transcoder, reason }) => {
    log.info('A rendition has ended.', { stream: stream.name, track: track.id, transcoder, ...facts(reason) });
  });
}

function logPeers(events: EventBus, scope: Scope, log: Log): void {
  events.on(SessionOpened, scope, ({ session }) => {
    log.debug('A session is open.', { session: session.id, from: session.remoteAddress, agent: session.agent });
  });
  events.on(SessionClosed, scope, ({ session, reason }) => {
    const told = { session: session.id, from: session.remoteAddress, ...facts(reason) };
    if (reason.code === 'protocol-violation' || reason.code === 'failed') log.info('A session failed.', told);
    else log.debug('A session has ended.', told);
  });
  events.on(SubscriberJoined, scope, ({ subscription }) => {
    log.debug('A subscriber joined.', { stream: subscription.stream.name, session: subscription.session.id });
  });
  events.on(SubscriberLeft, scope, ({ subscription, reason }) => {
    const { stream, session, counters } = subscription;
    log.debug('A subscriber left.', { stream: stream.name, session: session.id, ...counters, ...facts(reason) });
  });
  events.on(SubscriberLagging, scope, ({ subscription, units, bytes }) => {
    const { stream, session } = subscription;
    log.warn('A subscriber cannot keep up and jumped ahead.', {
      stream: stream.name,
      session: session.id,
      units,
      bytes,
    });
  });
}

function facts(reason: CloseReason): object {
  return {
    reason: reason.code,
    ...(reason.detail === undefined ? {} : { detail: reason.detail }),
    ...(reason.error === undefined ? {} : { error: describeError(reason.error) }),
  };
}
