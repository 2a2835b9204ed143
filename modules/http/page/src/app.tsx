import { useState } from 'preact/hooks';
import { Header } from './header.tsx';
import { chooseStream, takesWebRtc } from './live-streams.ts';
import { Player } from './player.tsx';
import type { Choice } from './playing/player.ts';
import { PublishHelp } from './publish-help.tsx';
import { PublishView } from './publishing/publish-view.tsx';
import { usePublisher } from './publishing/use-publisher.ts';
import { useRoute } from './route.ts';
import { StreamList } from './stream-list.tsx';
import { useLiveStreams } from './use-live-streams.ts';

export function App() {
  const { live, fault } = useLiveStreams();
  const route = useRoute();
  const publisher = usePublisher();
  const [choice, setChoice] = useState<Choice>('automatic');
  const streams = live?.streams ?? [];
  const wanted = route.view === 'watch' ? route.name : undefined;
  const chosen = chooseStream(streams, wanted);
  const publishes = route.view === 'publish' && live !== undefined;
  const select = (name: string): void => {
    location.hash = encodeURIComponent(name);
  };
  return (
    <>
      <Header
        view={route.view}
        publishing={publisher.state.phase === 'idle' ? undefined : publisher.state.name}
        takesWebRtc={live !== undefined && takesWebRtc(live)}
      />
      {fault !== undefined && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <main class={!publishes && streams.length === 0 ? 'alone' : ''}>
        {live === undefined && fault === undefined && <p role="status">Loading</p>}
        {publishes && <PublishView live={live} publisher={publisher} />}
        {!publishes && live !== undefined && streams.length === 0 && <PublishHelp live={live} alone />}
        {!publishes && live !== undefined && streams.length > 0 && (
          <>
            {chosen === undefined ? (
              <section class="player">
                <p class="missing" role="status">
                  “{wanted}” is not live at the moment.
                </p>
              </section>
            ) : (
              <Player
                // A stream that begins anew is played anew, by the best way.
                key={`${chosen.startedAt} ${chosen.name}`}
                stream={chosen}
                live={live}
                choice={choice}
                onChoose={setChoice}
              />
            )}
            <aside>
              <StreamList streams={streams} selected={chosen?.name} onSelect={select} />
              <PublishHelp live={live} alone={false} />
            </aside>
          </>
        )}
      </main>
      <footer>
        <a href="./docs/">REST interface</a>
        <a href="./?action=stat">Statistics</a>
        <a href="./health/ready">Health</a>
      </footer>
    </>
  );
}
