import { useEffect, useRef } from 'preact/hooks';
import { commonRows, delayRow, Facts } from '../facts.tsx';
import { type LiveStreams, securePage } from '../live-streams.ts';
import { publishHash } from '../route.ts';
import { isCaptureForbidden } from './capture.ts';
import { PublishForm } from './publish-form.tsx';
import type { PublisherState } from './publisher.ts';
import type { PublisherHandle } from './use-publisher.ts';

const phases: Readonly<Record<PublisherState['phase'], string>> = {
  idle: 'Camera and microphone are off.',
  asking: 'The browser asks for your permission.',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'The connection is interrupted. Trying another path.',
};
const limits: Readonly<Record<string, string>> = { bandwidth: 'Network', cpu: 'Processor' };

/** Publishing camera or screen from this browser. */
export function PublishView({ live, publisher }: { live: LiveStreams; publisher: PublisherHandle }) {
  if (isCaptureForbidden()) return <SecurePageNotice url={securePage(live)} />;
  const { state, start, stop } = publisher;
  const { phase, name, figures, fault } = state;
  const isRunning = phase !== 'idle';
  return (
    <>
      <section class="player" aria-label="Preview">
        <div class="stage">
          <Preview media={state.media} />
          {phase !== 'live' && (
            <p class="stage-note" role="status">
              {phases[phase]}
            </p>
          )}
        </div>
        {isRunning && (
          <div class="player-head">
            <h2>{name}</h2>
            {phase === 'live' && (
              <>
                <span class="badge">Live</span>
                <a href={`#${encodeURIComponent(name)}`}>Watch it</a>
              </>
            )}
          </div>
        )}
        {phase === 'live' && (
          <Facts
            rows={[
              ...commonRows(figures),
              delayRow('Round trip', figures.roundTrip),
              ['Limited by', figures.limit === undefined ? undefined : (limits[figures.limit] ?? figures.limit)],
            ]}
          />
        )}
      </section>
      <aside>
        {fault !== undefined && (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
        <PublishForm
          isRunning={isRunning}
          isPermitted={state.media !== undefined}
          wantsToken={state.wantsToken}
          onStart={start}
          onStop={stop}
        />
      </aside>
    </>
  );
}

function Preview({ media }: { media: MediaStream | undefined }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = media ?? null;
  }, [media]);
  // biome-ignore lint/a11y/useMediaCaption: the user's own picture
  return <video ref={video} muted autoplay playsinline aria-label="What you publish" />;
}

function SecurePageNotice({ url }: { url: string | undefined }) {
  return (
    <section class="empty">
      <h2>This page is not secure</h2>
      <p>Browsers give camera, microphone and screen only to pages over HTTPS, or on localhost.</p>
      {url === undefined ? (
        <p>This server has no HTTPS port open (http.secure).</p>
      ) : (
        <p>
          <a href={`${url}${publishHash}`}>Open this page over HTTPS</a>
        </p>
      )}
    </section>
  );
}
