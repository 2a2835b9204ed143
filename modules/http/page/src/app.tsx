import { useEffect, useState } from 'preact/hooks';
import icon from './icon.svg';
import { chooseStream } from './live-streams.ts';
import { Player } from './player.tsx';
import { PublishHelp } from './publish-help.tsx';
import { StreamList } from './stream-list.tsx';
import { useLiveStreams } from './use-live-streams.ts';

export function App() {
  const { live, fault } = useLiveStreams();
  const [wanted, setWanted] = useState(readHash);
  useEffect(() => {
    const follow = (): void => setWanted(readHash());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const streams = live?.streams ?? [];
  const chosen = chooseStream(streams, wanted);
  const select = (name: string): void => {
    location.hash = encodeURIComponent(name);
  };
  return (
    <>
      <header>
        <img src={icon} alt="" width="32" height="32" />
        <h1>Switchyard</h1>
        <span class="host">{location.hostname}</span>
      </header>
      {fault !== undefined && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <main class={streams.length === 0 ? 'alone' : ''}>
        {live === undefined && fault === undefined && <p role="status">Loading</p>}
        {live !== undefined && streams.length === 0 && <PublishHelp addresses={live.publish} alone />}
        {streams.length > 0 && (
          <>
            {chosen === undefined ? (
              <section class="player">
                <p class="missing" role="status">
                  “{wanted}” is not live at the moment.
                </p>
              </section>
            ) : (
              <Player key={chosen.name} stream={chosen} />
            )}
            <aside>
              <StreamList streams={streams} selected={chosen?.name} onSelect={select} />
              <PublishHelp addresses={live?.publish ?? []} alone={false} />
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

/** The stream that the address names: `/#name`. */
function readHash(): string | undefined {
  try {
    const name = decodeURIComponent(location.hash.slice(1));
    return name === '' ? undefined : name;
  } catch {
    // Not a name that this page wrote.
    return undefined;
  }
}
