import type { Statistics } from './statistics.ts';

/** `-----Connection Stats-----`, then `key=value` lines; the first line is a header (reference g). */
export function formatText(statistics: Statistics): string {
  const lines: string[] = [];
  for (const [group, section] of statistics) {
    lines.push(`-----${titleOf(group)}-----`);
    for (const [key, value] of Object.entries(section)) lines.push(`${key}=${value}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The groups that are named, in a list with commas; all of them when none is. */
export function selectGroups(statistics: Statistics, groups: string | undefined): Statistics {
  if (groups === undefined || groups === '') return statistics;
  const wanted = new Set(groups.split(',').map((group) => canonicalGroup(group.trim())));
  return new Map([...statistics].filter(([group]) => wanted.has(canonicalGroup(group))));
}

/** WCS writes `connections_stats` and `connection_stats`, and so do its users. */
export function canonicalGroup(group: string): string {
  return group
    .toLowerCase()
    .replace(/_stats$/, '')
    .replace(/s$/, '');
}

/** The parser of WCS takes the first word in lower case for the section's key: `stream`, not `streams`. */
function titleOf(group: string): string {
  const word = canonicalGroup(group);
  return `${word.charAt(0).toUpperCase()}${word.slice(1)} Stats`;
}
