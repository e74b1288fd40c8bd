/**
 * What people and programs find tasks by, beside what every task has (behaviour B2). Said at the submit and by the handler;
 * nothing of how a task is run goes by it.
 */
export type TagValue = string | number | boolean;

export type Tags = Readonly<Record<string, TagValue>>;

/** What a handler says of some of them: the others stay. Null takes one away. */
export type TagChanges = Readonly<Record<string, TagValue | null>>;

/** Tags of one task. */
export const TAGS_LIMIT = 32;

/** Characters of a value that is text. */
export const TAG_TEXT_LENGTH = 256;

export const TAG_NAME_LENGTH = 64;

/** Without dots, so that a name is one field of a document; no colon and no `=`, which stand between name and value. */
export const TAG_NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** A NUL, which no database looks for, and half a character. */
const UNFIT = /[\0\p{Surrogate}]/u;

export const isTagValue = (value: unknown): value is TagValue => {
  switch (typeof value) {
    case 'string':
      return value !== '' && value.length <= TAG_TEXT_LENGTH && !UNFIT.test(value);
    case 'number':
      return Number.isFinite(value);
    default:
      return typeof value === 'boolean';
  }
};

export const isTags = (value: unknown): value is Tags => isMapOf(value, isTagValue);

/** What of it are changes of tags, and the names of what is none; undefined: it is no map of so few. */
export const tagChangesIn = (
  value: unknown,
): { readonly changes: TagChanges; readonly unfit: readonly string[] } | undefined => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.length > TAGS_LIMIT) return undefined;
  const isChange = (name: string, one: unknown): one is TagValue | null =>
    TAG_NAME_PATTERN.test(name) && (one === null || isTagValue(one));
  const changes: Record<string, TagValue | null> = {};
  const unfit: string[] = [];
  for (const [name, one] of entries) {
    if (isChange(name, one)) changes[name] = one;
    else unfit.push(name);
  }
  return { changes, unfit };
};

const isMapOf = (value: unknown, holds: (value: unknown) => boolean): boolean => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= TAGS_LIMIT && entries.every(([name, one]) => TAG_NAME_PATTERN.test(name) && holds(one));
};

/** Those of `tags` with the changes made; undefined: there are none. May be more than the limit, which is for who asks. */
export const withTags = (tags: Tags | undefined, changes: TagChanges): Tags | undefined => {
  const made: Record<string, TagValue> = { ...tags };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete made[name];
    // -0 is 0 wherever data is kept.
    else made[name] = value === 0 ? 0 : value;
  }
  return Object.keys(made).length === 0 ? undefined : made;
};

/** Whether so many are allowed. */
export const areFew = (tags: Tags | undefined): boolean => tags === undefined || Object.keys(tags).length <= TAGS_LIMIT;

/** What a filter compares: in the text of a request nobody can tell `17` from 17, so a tag is found by either. */
export const tagTerm = (name: string, value: TagValue): string => `${name}:${value === 0 ? 0 : value}`;

export const tagTermsOf = (tags: Tags): readonly string[] =>
  Object.entries(tags).map(([name, value]) => tagTerm(name, value));

/** What a filter asks for: of each of these lists of terms one. Several values of one name are one or the other. */
export type TagFilter = readonly (readonly string[])[];

export const tagFilterOf = (pairs: Iterable<readonly [name: string, value: TagValue]>): TagFilter => {
  const byName = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const terms = byName.get(name) ?? [];
    byName.set(name, [...terms, tagTerm(name, value)]);
  }
  return [...byName.values()];
};

export const fitsTagFilter = (tags: Tags | undefined, filter: TagFilter): boolean => {
  if (tags === undefined) return filter.length === 0;
  const terms = tagTermsOf(tags);
  return filter.every((some) => some.some((term) => terms.includes(term)));
};

/** Whether all of these are among the others, each with its value. */
export const hasTags = (tags: Tags | undefined, wanted: Tags | undefined): boolean =>
  wanted === undefined ||
  tags === wanted ||
  Object.entries(wanted).every(
    ([name, value]) => tags !== undefined && Object.hasOwn(tags, name) && tags[name] === value,
  );

/** About so many bytes. */
export const sizeOfTags = (tags: Tags | undefined): number =>
  tags === undefined ? 0 : tagTermsOf(tags).reduce((sum, term) => sum + 3 * term.length, 0);
