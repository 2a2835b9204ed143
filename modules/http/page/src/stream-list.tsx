import { formatBitrate, formatCodecs, formatSize } from './format.ts';
import type { LiveStream } from './live-streams.ts';
import { Thumbnail } from './thumbnail.tsx';

interface Props {
  readonly streams: readonly LiveStream[];
  readonly selected: string | undefined;
  readonly onSelect: (name: string) => void;
}

export function StreamList({ streams, selected, onSelect }: Props) {
  return (
    <nav class="list" aria-label="Live streams">
      <h2>
        Live now <span class="count">{streams.length}</span>
      </h2>
      <ul>
        {streams.map((stream) => (
          <li key={stream.name}>
            <button
              type="button"
              class="entry"
              aria-current={stream.name === selected ? 'true' : undefined}
              onClick={() => onSelect(stream.name)}
            >
              {stream.video !== undefined && <Thumbnail name={stream.name} />}
              <span class={`dot ${stream.state}`} aria-hidden="true" />
              <span class="entry-name">{stream.name}</span>
              <span class="entry-viewers">
                {stream.viewers} {stream.viewers === 1 ? 'viewer' : 'viewers'}
              </span>
              <span class="entry-facts">{describe(stream)}</span>
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function describe(stream: LiveStream): string {
  const { video, audio } = stream;
  const facts = [
    video === undefined ? 'audio only' : formatSize(video),
    formatCodecs(video, audio),
    formatBitrate((video?.bitrate ?? 0) + (audio?.bitrate ?? 0)),
  ];
  return facts.filter((fact) => fact !== '').join(' · ');
}
