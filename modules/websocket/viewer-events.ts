import type { Core } from '../../core/core.ts';
import { TrackCodecChanged } from '../../core/events/catalogue.ts';
import { ViewerBandwidthChanged, ViewerLayerChanged } from '../rtp/contract.ts';
import type { LiveStreams } from './live-streams.ts';

/**
 * What the core and the media plane say of the pictures that clients view over WebRTC: a new size, a way too narrow. Media
 * Source players are told of a size when they get to it, by their own playback.
 */
export function tellViewers({ events, scope }: Core, streams: LiveStreams): void {
  events.on(TrackCodecChanged, scope, ({ stream, track, before }) => {
    const { codec } = track;
    if (codec.kind !== 'video') return;
    if (before.kind === 'video' && before.width === codec.width && before.height === codec.height) return;
    for (const viewer of streams.viewersOf(stream)) {
      const isConcerned = viewer.subscription?.tracks.includes(track) === true;
      if (isConcerned && viewer.request.mediaProvider === 'WebRTC') viewer.tellSize(codec.width, codec.height);
    }
  });
  events.on(ViewerLayerChanged, scope, ({ subscription, track: { codec } }) => {
    if (codec.kind === 'video') streams.findViewer(subscription)?.tellSize(codec.width, codec.height);
  });
  events.on(ViewerBandwidthChanged, scope, ({ subscription, enough, estimate, needed }) => {
    if (enough) return;
    const info = `${Math.round(needed)}/${Math.round(estimate)}`;
    streams.findViewer(subscription)?.tellEvent('notEnoughBandwidth', { info });
  });
}
