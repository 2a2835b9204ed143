import { useEffect, useRef, useState } from 'preact/hooks';
import { idle, Publisher, type PublisherState, type PublishSettings } from './publisher.ts';

export interface PublisherHandle {
  readonly state: PublisherState;
  readonly start: (settings: PublishSettings) => void;
  readonly stop: () => void;
}

/** The one stream that this page publishes; it goes on while something else is looked at, and ends with the page. */
export function usePublisher(): PublisherHandle {
  const [state, setState] = useState<PublisherState>(idle);
  const current = useRef<Publisher | undefined>(undefined);
  const stop = (): void => current.current?.stop();
  const start = (settings: PublishSettings): void => {
    stop();
    const publisher = new Publisher(settings, (change) => {
      if (current.current === publisher) setState((before) => ({ ...before, ...change }));
    });
    current.current = publisher;
    void publisher.start();
  };
  useEffect(() => {
    const leave = (): void => current.current?.stop();
    addEventListener('pagehide', leave);
    return () => {
      removeEventListener('pagehide', leave);
      leave();
    };
  }, []);
  return { state, start, stop };
}
