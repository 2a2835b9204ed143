import { useRef, useState } from 'preact/hooks';
import { CopyField } from './copy-field.tsx';
import { commonRows, delayRow, Facts } from './facts.tsx';
import type { Figures } from './figures.ts';
import { codecName, formatAge } from './format.ts';
import { type LiveStream, type LiveStreams, sourcesOf } from './live-streams.ts';
import { waysOf } from './playing/playback.ts';
import type { Choice } from './playing/player.ts';
import { usePlayer } from './use-player.ts';
import { WayChoice } from './way-choice.tsx';

interface Props {
  readonly stream: LiveStream;
  readonly live: LiveStreams;
  readonly choice: Choice;
  readonly onChoose: (choice: Choice) => void;
}

export function Player({ stream, live, choice, onChoose }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const [attempt, setAttempt] = useState(0);
  const sources = sourcesOf(stream, live);
  const ways = waysOf(sources);
  // What was chosen for another stream may not be open here.
  const effective = choice !== 'automatic' && ways.includes(choice) ? choice : 'automatic';
  const { phase, way, figures, fault, fallback } = usePlayer(video, sources, effective, attempt);
  const status = ways.length === 0 ? 'Neither WebRTC nor HLS is on: this page has nothing to play from.' : fault;
  const choose = (next: Choice): void => {
    onChoose(next);
    setAttempt((before) => before + 1);
  };
  return (
    <section class="player" aria-label={`Stream ${stream.name}`}>
      <div class="stage">
        {/* biome-ignore lint/a11y/useMediaCaption: live streams come without captions */}
        <video ref={video} muted autoplay playsinline controls aria-label={`Live picture of ${stream.name}`} />
        {phase !== 'playing' && (
          <p class="stage-note" role="status">
            {status ?? (stream.state === 'interrupted' ? 'The publisher is away for a moment.' : 'Loading')}
          </p>
        )}
      </div>
      <div class="player-head">
        <h2>{stream.name}</h2>
        <span class={`badge ${stream.state}`}>{stream.state === 'live' ? 'Live' : 'Interrupted'}</span>
        <span class="age">{formatAge(Date.now() - stream.startedAt)}</span>
        <WayChoice ways={ways} choice={effective} way={way} onChoose={choose} />
      </div>
      {fallback !== undefined && (
        <p class="note" role="status">
          {fallback}{' '}
          <button type="button" class="link" onClick={() => choose(effective)}>
            Try again
          </button>
        </p>
      )}
      <Facts
        rows={[
          delayRow('Latency', figures.latency, '–'),
          ...commonRows({ ...publishedFigures(stream), ...told(figures) }),
          ['Freezes', figures.freezes === undefined ? undefined : String(figures.freezes)],
          ['Viewers', String(stream.viewers)],
        ]}
      />
      <details class="addresses">
        <summary>Play it elsewhere</summary>
        {stream.urls.map(({ protocol, url: address }) => (
          <CopyField key={address} label={protocol.toUpperCase()} text={address} />
        ))}
      </details>
    </section>
  );
}

/** What the server tells of the stream, until something is measured here. */
function publishedFigures({ video, audio }: LiveStream): Figures {
  return {
    ...(video !== undefined && {
      videoCodec: codecName(video.codec),
      width: video.width,
      height: video.height,
      frameRate: video.frameRate,
    }),
    audioCodec: audio === undefined ? undefined : codecName(audio.codec),
    bitrate: (video?.bitrate ?? 0) + (audio?.bitrate ?? 0),
  };
}

function told(figures: Figures): Figures {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
}
