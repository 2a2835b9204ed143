import type { CloseReason } from '../lifecycle/close-reason.ts';
import type { CodecDescriptor } from '../media/codecs/codec-descriptor.ts';
import type { Session } from '../sessions/session.ts';
import type { Stream } from '../streams/stream.ts';
import type { Subscription } from '../streams/subscription.ts';
import type { Track } from '../streams/track.ts';
import type { Micros } from '../time/micros.ts';
import { event } from './bus.ts';

/** The core's events. A module's own stand in its `contract.ts`. */
export const SessionOpened = event<{ session: Session }>('session:opened');
export const SessionClosed = event<{ session: Session; reason: CloseReason }>('session:closed');

export const StreamPublished = event<{ stream: Stream }>('stream:published');
/** The publisher dropped; viewers are kept for the reconnect grace. */
export const StreamInterrupted = event<{ stream: Stream; reason: CloseReason }>('stream:interrupted');
/** A publisher took up an interrupted stream, or replaced the one before. */
export const StreamResumed = event<{ stream: Stream }>('stream:resumed');
export const StreamEnded = event<{ stream: Stream; reason: CloseReason }>('stream:ended');
/** The source's clock jumped; the timeline was anchored anew. */
export const StreamDiscontinued = event<{ stream: Stream; track: string; jumped: Micros }>('stream:discontinuity');
export const TrackAdded = event<{ stream: Stream; track: Track }>('track:added');
export const TrackCodecChanged = event<{ stream: Stream; track: Track; before: CodecDescriptor }>(
  'track:codec-changed',
);

export const SubscriberJoined = event<{ subscription: Subscription }>('subscriber:joined');
export const SubscriberLeft = event<{ subscription: Subscription; reason: CloseReason }>('subscriber:left');
/** A subscriber could not keep up and jumped ahead; at most once a second each, with what was dropped since. */
export const SubscriberLagging = event<{ subscription: Subscription; units: number; bytes: number }>(
  'subscriber:lagging',
);

export const RenditionStarted = event<{ stream: Stream; track: Track; transcoder: string }>('rendition:started');
export const RenditionEnded = event<{ stream: Stream; track: Track; transcoder: string; reason: CloseReason }>(
  'rendition:ended',
);

export const ModuleStarted = event<{ module: string }>('module:started');
export const ModuleStopped = event<{ module: string; reason: CloseReason }>('module:stopped');
export const ConfigurationApplied = event<{ changed: readonly string[] }>('configuration:applied');
