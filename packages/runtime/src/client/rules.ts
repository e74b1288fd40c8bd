import { isTags, isTagValue, TAG_NAME_PATTERN, TAG_TEXT_LENGTH, TAGS_LIMIT } from '@baton/core';
import {
  ARGUMENTS_LIMIT,
  ATTEMPTS_LIMIT,
  BACKOFF_FACTOR_LIMIT,
  CONCURRENCY_LIMIT,
  DESCRIPTION_LENGTH,
  GROUP_LENGTH,
  KEY_LENGTH,
  MAX_BLOCK_RANGE_MS,
  NAME_LENGTH,
  NAME_PATTERN,
  OWN_TYPE_PREFIX,
  QUEUE_COUNT_LIMIT,
  RESCUES_LIMIT,
  STEP_NAME_LENGTH,
  TITLE_LENGTH,
  TYPE_PATTERN,
  UNITS_LIMIT,
  USER_LENGTH,
  WEIGHT_LIMIT,
} from '@baton/protocols';
import * as z from 'zod';
import { InvalidArgumentError } from '../errors.ts';
import { DURATION_SAYS, parseDuration } from './duration.ts';

/**
 * What callers may say, field by field, once for all doors: SDK, REST, commands, command line, tokens and settings. Each
 * rule is a check, its words, and the shape for what comes as data; every door answers INVALID_ARGUMENT with its own name
 * of the field, a colon, and the words.
 */
export type Rule = { readonly says: string; readonly holds: (value: unknown) => boolean };

/** All names of options of that kind; the compiler misses none. */
export const optionNames = <Options>(names: Readonly<Record<keyof Options, true>>): ReadonlySet<string> =>
  new Set(Object.keys(names));

/**
 * A misspelt option that is passed over is a timeout that never comes. `where`: what they are the options of, inside of
 * others. Throws InvalidArgumentError, also for what is no map.
 */
export const checkNames = (options: unknown, known: ReadonlySet<string>, where = ''): void => {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new InvalidArgumentError(`${where === '' ? 'options' : where}: is { ${[...known].join(', ')} }`);
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue;
    const full = where === '' ? name : `${where}.${name}`;
    throw new InvalidArgumentError(`unknown option '${full}'; known are ${[...known].join(', ')}`);
  }
};

/** Characters of a reason somebody gives. */
const WHY_LIMIT = 400;

const text = (limit: number) => {
  const says = `is text of 1 to ${limit} characters, well-formed Unicode`;
  return {
    says,
    holds: (value: unknown) =>
      typeof value === 'string' && value !== '' && value.length <= limit && value.isWellFormed(),
    shape: z
      .string(says)
      .min(1, says)
      .max(limit, says)
      .refine((value) => value.isWellFormed(), says),
  };
};

const nameSays = 'is 1 to 100 letters, digits, _ . and -, the first a letter or a digit';

const name = (pattern = NAME_PATTERN, says = nameSays) => ({
  says,
  holds: (value: unknown) => typeof value === 'string' && pattern.test(value),
  shape: z.string(says).regex(pattern, says),
});

const whole = (least: number, most: number) => {
  const says = `is a whole number, ${least} to ${most}`;
  return {
    says,
    holds: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
    shape: z.int(says).min(least, says).max(most, says),
  };
};

const between = (least: number, most: number) => {
  const says = `is a number, ${least} to ${most}`;
  return {
    says,
    holds: (value: unknown) => typeof value === 'number' && value >= least && value <= most,
    shape: z.number(says).min(least, says).max(most, says),
  };
};

const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) => {
  const says = `is one of ${values.join(', ')}`;
  return {
    says,
    holds: (value: unknown) => typeof value === 'string' && values.includes(value),
    shape: z.enum(values, says),
  };
};

const flag = () => {
  const says = 'is true or false';
  return { says, holds: (value: unknown) => typeof value === 'boolean', shape: z.boolean(says) };
};

/** Of a moment, as text. */
export const TIME_SAYS = 'is a time with a zone, such as 2030-01-31T18:00:00Z';

const instant = () => {
  const shape = z.iso.datetime({ offset: true, error: TIME_SAYS });
  return { says: TIME_SAYS, holds: (value: unknown) => shape.safeParse(value).success, shape };
};

/** Characters of a duration as text. */
const DURATION_TEXT = 20;

/** Read as milliseconds. */
const duration = () => ({
  says: DURATION_SAYS,
  holds: (value: unknown) => parseDuration(value) !== undefined,
  shape: z.union([z.number(), z.string().max(DURATION_TEXT)], DURATION_SAYS).transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== undefined) return ms;
    context.addIssue({ code: 'custom', message: DURATION_SAYS });
    return z.NEVER;
  }),
});

const list = (limit: number) => {
  const says = `is a list of up to ${limit} values`;
  return {
    says,
    holds: (value: unknown) => Array.isArray(value) && value.length <= limit,
    shape: z.array(z.unknown(), says).max(limit, says),
  };
};

const tagWords = {
  name: 'a name is 1 to 64 letters, digits, _ and -, the first a letter',
  value: `a value is text of 1 to ${TAG_TEXT_LENGTH} characters, a number, true or false`,
};

const tags = () => {
  const says = `is up to ${TAGS_LIMIT} tags by name: ${tagWords.name}, ${tagWords.value}`;
  const value = z
    .union([z.string().min(1).max(TAG_TEXT_LENGTH), z.number(), z.boolean()], says)
    .refine(isTagValue, says);
  return {
    says,
    holds: isTags,
    shape: z
      .record(z.string().regex(TAG_NAME_PATTERN, says), value, says)
      .refine((map) => Object.keys(map).length <= TAGS_LIMIT, says)
      .meta({ maxProperties: TAGS_LIMIT }),
  };
};

export const rules = {
  user: text(USER_LENGTH),
  admin: flag(),
  type: name(TYPE_PATTERN, `${nameSays}; those that begin with ${OWN_TYPE_PREFIX} are Baton's own`),
  /** Also of Baton's own, and of what is named as types are. */
  typeName: name(),
  queue: name(),
  signal: name(),
  step: text(STEP_NAME_LENGTH),
  key: text(KEY_LENGTH),
  taskName: text(NAME_LENGTH),
  operationId: text(KEY_LENGTH),
  title: text(TITLE_LENGTH),
  description: text(DESCRIPTION_LENGTH),
  args: list(ARGUMENTS_LIMIT),
  scope: oneOf('private', 'shared', 'system'),
  priority: oneOf('high', 'normal', 'low'),
  group: text(GROUP_LENGTH),
  limitKey: text(KEY_LENGTH),
  units: whole(1, UNITS_LIMIT),
  tags: tags(),
  weight: whole(1, WEIGHT_LIMIT),
  counted: oneOf('queue', 'type', 'group', 'key'),
  whenFull: oneOf('wait', 'cancel_newest', 'cancel_running'),
  queueCount: whole(1, QUEUE_COUNT_LIMIT),
  why: text(WHY_LIMIT),
  whenAborting: oneOf('queue', 'join', 'reject'),
  mode: oneOf('join', 'reject', 'replace', 'coalesce', 'debounce', 'throttle'),
  overlap: oneOf('skip', 'buffer_one', 'buffer_all', 'cancel_other', 'allow'),
  catchUp: oneOf('none', 'last', 'all'),
  onOrphan: oneOf('retry', 'fail'),
  isolation: oneOf('thread'),
  maxAttempts: whole(1, ATTEMPTS_LIMIT),
  maxRescues: whole(0, RESCUES_LIMIT),
  duration: duration(),
  /** As ISO text. */
  instant: instant(),
  factor: between(1, BACKOFF_FACTOR_LIMIT),
  jitter: between(0, 1),
  onFailure: oneOf('fail', 'continue', 'ignore'),
  /** Of a wait for children. */
  onChildFailure: oneOf('fail', 'continue'),
  onParentEnd: oneOf('cancel', 'leave'),
  strict: flag(),
  concurrency: whole(1, CONCURRENCY_LIMIT),
  maxBlockMs: whole(MAX_BLOCK_RANGE_MS.least, MAX_BLOCK_RANGE_MS.most),
} as const;

/** Throws InvalidArgumentError for a value that is there and does not hold; `field` is its name where it came in. */
export const checkField = (field: string, value: unknown, rule: Rule): void => {
  if (value !== undefined) requireField(field, value, rule);
};

export const requireField = (field: string, value: unknown, rule: Rule): void => {
  if (!rule.holds(value)) throw new InvalidArgumentError(`${field}: ${rule.says}`);
};
