import { isTagValue, TAG_NAME_PATTERN, tagFilterOf, type TagFilter, type Tags, type TagValue } from '@baton/core';
import { InvalidArgumentError } from '@baton/runtime';
import { valueOf } from './value-text.ts';

/** `tenant=acme`: the value is a number, true or false where it reads as one, and text otherwise; `"17"` is text. */
export const tagsOf = (texts: readonly string[]): Tags => {
  const tags: Record<string, TagValue> = {};
  for (const text of texts) {
    const [name, said] = tagParts(text);
    const value = valueOf(said);
    // What is no value of a tag is text all the same: a list, or null.
    tags[name] = isTagValue(value) ? value : said;
  }
  return tags;
};

/** As a filter: one value of each name that is there. */
export const tagFilterIn = (texts: readonly string[]): TagFilter => tagFilterOf(texts.map(tagParts));

export const tagParts = (text: string): readonly [name: string, value: string] => {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(at, 0));
  const value = text.slice(at + 1);
  if (TAG_NAME_PATTERN.test(name) && isTagValue(value)) return [name, value];
  throw new InvalidArgumentError(`--tag is name=value, such as tenant=acme; got ${text}`);
};
