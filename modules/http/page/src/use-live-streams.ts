import { useEffect, useState } from 'preact/hooks';
import { fetchLiveStreams, type LiveStreams } from './live-streams.ts';

const pollMs = 2_000;
const hiddenPollMs = 15_000;

export interface Listing {
  /** Undefined before the first answer. */
  readonly live: LiveStreams | undefined;
  /** Why the newest asking failed. */
  readonly fault: string | undefined;
}

/** The list of live streams, asked for again and again; seldom while nobody looks. */
export function useLiveStreams(): Listing {
  const [listing, setListing] = useState<Listing>({ live: undefined, fault: undefined });
  useEffect(() => {
    const ending = new AbortController();
    let timer: number | undefined;
    const ask = async (): Promise<void> => {
      try {
        const live = await fetchLiveStreams(ending.signal);
        setListing({ live, fault: undefined });
      } catch (error) {
        if (ending.signal.aborted) return;
        const fault = error instanceof TypeError ? 'The server cannot be reached.' : (error as Error).message;
        setListing(({ live }) => ({ live, fault }));
      }
      if (!ending.signal.aborted) timer = setTimeout(ask, document.hidden ? hiddenPollMs : pollMs);
    };
    const wake = (): void => {
      if (document.hidden) return;
      clearTimeout(timer);
      void ask();
    };
    document.addEventListener('visibilitychange', wake);
    void ask();
    return () => {
      ending.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', wake);
    };
  }, []);
  return listing;
}
