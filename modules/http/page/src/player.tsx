import { useRef } from 'preact/hooks';
import { CopyField } from './copy-field.tsx';
import { codecName, formatAge, formatBitrate, formatSize } from './format.ts';
import { type LiveStream, playlistOf } from './live-streams.ts';
import { usePlayer } from './use-player.ts';

export function Player({ stream }: { stream: LiveStream }) {
  const video = useRef<HTMLVideoElement>(null);
  const url = playlistOf(stream);
  const { phase, latency, fault } = usePlayer(video, url);
  const status = url === undefined ? 'The HLS module is off: this page has nothing to play from.' : fault;
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
      </div>
      <dl class="facts">
        <Fact name="Latency" value={latency === undefined ? '–' : `${latency.toFixed(1)} s`} />
        {stream.video !== undefined && (
          <>
            <Fact name="Video" value={codecName(stream.video.codec)} />
            <Fact name="Size" value={formatSize(stream.video)} />
            <Fact name="Frames" value={`${Math.round(stream.video.frameRate)} fps`} />
          </>
        )}
        {stream.audio !== undefined && (
          <Fact name="Audio" value={`${codecName(stream.audio.codec)} ${stream.audio.sampleRate / 1_000} kHz`} />
        )}
        <Fact name="Bit rate" value={formatBitrate((stream.video?.bitrate ?? 0) + (stream.audio?.bitrate ?? 0))} />
        <Fact name="Viewers" value={String(stream.viewers)} />
      </dl>
      <details class="addresses">
        <summary>Play it elsewhere</summary>
        {stream.urls.map(({ protocol, url: address }) => (
          <CopyField key={address} label={protocol.toUpperCase()} text={address} />
        ))}
      </details>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
