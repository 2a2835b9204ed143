/** Keys of a filter that are no fields of the object: how the answer looks. */
const presentation = new Set(['display']);

/** Whether `object` has every value that the filter names. */
export function matches(object: Readonly<Record<string, unknown>>, filter: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(filter).every(
    ([key, wanted]) => presentation.has(key) || wanted === undefined || object[key] === wanted,
  );
}
