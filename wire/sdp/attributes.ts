import type { SdpSection } from './description.ts';

/** The first of that name: its value, empty for a flag; undefined where there is none. */
export function findAttribute(of: SdpSection, name: string): string | undefined {
  for (const attribute of of.attributes) if (attribute.name === name) return attribute.value ?? '';
  return undefined;
}

export function hasAttribute(of: SdpSection, name: string): boolean {
  return findAttribute(of, name) !== undefined;
}

/** The values of all of that name, in their order. */
export function listAttributes(of: SdpSection, name: string): readonly string[] {
  const values: string[] = [];
  for (const attribute of of.attributes) if (attribute.name === name) values.push(attribute.value ?? '');
  return values;
}

export type SdpDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

const directions: readonly SdpDirection[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];

/** RFC 8866 6.7: of the medium, else of the session, else both ways. */
export function readDirection(media: SdpSection, session?: SdpSection): SdpDirection {
  return findDirection(media) ?? (session === undefined ? undefined : findDirection(session)) ?? 'sendrecv';
}

function findDirection({ attributes }: SdpSection): SdpDirection | undefined {
  for (const { name } of attributes) for (const direction of directions) if (name === direction) return direction;
  return undefined;
}
