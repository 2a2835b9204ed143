import icon from './icon.svg';
import { publishHash, type Route } from './route.ts';

interface Props {
  readonly view: Route['view'];
  /** The name that this page publishes under. */
  readonly publishing: string | undefined;
  readonly takesWebRtc: boolean;
}

export function Header({ view, publishing, takesWebRtc }: Props) {
  const current = (each: Route['view']) => (view === each ? ('page' as const) : undefined);
  return (
    <header>
      <img src={icon} alt="" width="32" height="32" />
      <h1>Switchyard</h1>
      {(takesWebRtc || publishing !== undefined) && (
        <nav class="views" aria-label="Views">
          <a href="#" aria-current={current('watch')}>
            Watch
          </a>
          <a href={publishHash} aria-current={current('publish')}>
            {publishing !== undefined && <span class="dot" aria-hidden="true" />}
            {publishing === undefined ? 'Publish' : `Publishing ${publishing}`}
          </a>
        </nav>
      )}
      <span class="host">{location.hostname}</span>
    </header>
  );
}
