/** No configuration comes near it; a parser that recurses is far from the end of its stack. */
const deepest = 200;

/**
 * The line, from 1, at which YAML nests deeper than any configuration does; undefined when it never does. A rough count that needs no
 * parser: brackets that are open, blanks in front of a line, dashes in a row.
 *
 * A parser driven to the end of its stack does not always throw: V8 ends the process when that happens while it compiles a
 * regular expression.
 */
export function findTooDeep(text: string): number | undefined {
  let line = 1;
  let brackets = 0;
  let lead = 0;
  let dashes = 0;
  let leading = true;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\n') {
      line += 1;
      lead = 0;
      dashes = 0;
      leading = true;
      continue;
    }
    if (character === '[' || character === '{') brackets += 1;
    else if ((character === ']' || character === '}') && brackets > 0) brackets -= 1;
    if (leading) {
      if (character === ' ' || character === '\t') lead += 1;
      else if (character === '-' || character === '?' || character === ':') dashes += 1;
      else leading = false;
    }
    if (brackets > deepest || lead > 4 * deepest || dashes > deepest) return line;
  }
  return undefined;
}
