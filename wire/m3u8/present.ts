type Present<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** The same record without the members that are undefined: absent and undefined are two things to the types. */
export function present<const T extends object>(record: T): Present<T> {
  return Object.fromEntries(Object.entries(record).filter((entry) => entry[1] !== undefined)) as Present<T>;
}
