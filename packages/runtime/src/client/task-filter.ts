import {
  isTagValue,
  TAG_NAME_LENGTH,
  TAG_NAME_PATTERN,
  TAG_TEXT_LENGTH,
  tagFilterOf,
  TAGS_LIMIT,
  type TagFilter,
} from '@baton/core';
import { KEY_LENGTH, NAME_PATTERN } from '@baton/protocols';
import * as z from 'zod';

/** What tasks are picked by, piece by piece, once for lists and for operations on all that match. */

export const STATUSES = ['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out'] as const;
const SCOPES = ['private', 'shared', 'system'] as const;

/** Values of one filter. */
export const FILTER_VALUES = 50;

/** Characters of text that is looked for. */
export const FILTER_TEXT = 200;

/** Text that is looked for. The database takes none with a NUL in it. */
const wanted = (limit: number) =>
  z
    .string()
    .min(1)
    .max(limit)
    .refine((value) => value.isWellFormed(), 'has a lone surrogate in it')
    .refine((value) => !value.includes('\0'), 'has a NUL in it');

const tagSays = 'is name:value, a tag as tasks have them';

/** `order:17` finds the number and the text. */
const tagText = z
  .string(tagSays)
  .max(TAG_NAME_LENGTH + 1 + TAG_TEXT_LENGTH, tagSays)
  .refine((text) => {
    const at = text.indexOf(':');
    return at > 0 && TAG_NAME_PATTERN.test(text.slice(0, at)) && isTagValue(text.slice(at + 1));
  }, tagSays);

const pairOf = (text: string) => [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)] as const;

/** Of texts that are `name:value`. */
export const tagFilterIn = (texts: readonly string[]): TagFilter => tagFilterOf(texts.map(pairOf));

const tagTexts = z.array(tagText).min(1).max(TAGS_LIMIT);

/** One value of each filter. */
export const filterValues = {
  status: z.enum(STATUSES),
  type: z.string().regex(NAME_PATTERN, 'is 1 to 100 letters, digits, _ . and -'),
  scope: z.enum(SCOPES),
  user: wanted(KEY_LENGTH),
  text: wanted(FILTER_TEXT),
  tags: tagTexts.transform(tagFilterIn),
} as const;

const listOf = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(FILTER_VALUES).optional();

/** The filters of a list, as data; tags stay `name:value`, so that it can be kept as it was said. */
export const taskFilterShape = z.strictObject({
  status: listOf(filterValues.status),
  type: listOf(filterValues.type),
  scope: listOf(filterValues.scope),
  created_by: listOf(filterValues.user),
  subscriber: listOf(filterValues.user),
  tag: tagTexts.optional().describe('name:value: all of them, or one of those of one name'),
  name: filterValues.text.optional().describe('part of the name'),
  text: filterValues.text.optional().describe('part of the name, the type or the key, or the id'),
});

export type TaskFilterFields = z.output<typeof taskFilterShape>;
