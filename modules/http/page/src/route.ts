import { useEffect, useState } from 'preact/hooks';

/** What the page shows: a stream, or publishing. No stream's address has a slash that is not encoded. */
export type Route = { readonly view: 'watch'; readonly name: string | undefined } | { readonly view: 'publish' };

export const publishHash = '#/publish';

/** As the address says: `/#name`. */
export function useRoute(): Route {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const follow = (): void => setRoute(readRoute());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}

function readRoute(): Route {
  if (location.hash === publishHash) return { view: 'publish' };
  try {
    const name = decodeURIComponent(location.hash.slice(1));
    return { view: 'watch', name: name === '' ? undefined : name };
  } catch {
    // Not a name that this page wrote.
    return { view: 'watch', name: undefined };
  }
}
