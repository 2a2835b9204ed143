import type { Credentials } from '../../core/access/access-control.ts';
import type { JsonObject } from '../../wire/wcs/json.ts';

const mostEntries = 64;
const longestEntry = 1_024;

/**
 * What a client shows for its connection or a stream: the plain values of its `custom` objects, later ones first in
 * weight, as if they had stood in a query; `token`, `user` and `password` among them by name.
 */
export function credentialsOf(token: string | undefined, ...customs: readonly (JsonObject | undefined)[]): Credentials {
  const query = new URLSearchParams();
  for (const custom of customs) {
    for (const [key, value] of Object.entries(custom ?? {}).slice(0, mostEntries)) {
      const text =
        typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? `${value}` : '';
      if (text !== '' && text.length <= longestEntry && key.length <= longestEntry) query.set(key, text);
    }
  }
  const shownToken = query.get('token') ?? token;
  const user = query.get('user') ?? query.get('login');
  const password = query.get('password');
  return {
    query,
    ...(shownToken === undefined ? {} : { token: shownToken }),
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
  };
}
