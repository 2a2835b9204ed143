import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Sources } from './playing/playback.ts';
import { beginning, type Choice, Player, type PlayerState } from './playing/player.ts';

/** Plays in the video element for as long as the page is shown; `attempt` counts how often the viewer asked anew. */
export function usePlayer(
  video: RefObject<HTMLVideoElement>,
  { name, webrtc, hls, mse }: Sources,
  choice: Choice,
  attempt: number,
): PlayerState {
  const [state, setState] = useState<PlayerState>(beginning);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another player
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    const tell = (change: Partial<PlayerState>): void => setState((before) => ({ ...before, ...change }));
    const open = (): Player => {
      setState(beginning);
      return new Player({ sources: { name, webrtc, hls, mse }, choice }, element, tell);
    };
    let player = open();
    const leave = (): void => player.close();
    const comeBack = ({ persisted }: PageTransitionEvent): void => {
      if (persisted) player = open();
    };
    addEventListener('pagehide', leave);
    addEventListener('pageshow', comeBack);
    return () => {
      removeEventListener('pagehide', leave);
      removeEventListener('pageshow', comeBack);
      player.close();
    };
  }, [video, name, webrtc, hls, mse, choice, attempt]);
  return state;
}
