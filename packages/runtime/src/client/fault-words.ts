import type { z } from 'zod';
import { TIME_SAYS } from './rules.ts';

/**
 * What is wrong, where the shape does not say it itself: the library's own words speak of its types, and not to who sent
 * something. The same at every door.
 */
export const faultWords = (issue: z.core.$ZodIssue): string => {
  if (!OWN_WORDS.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'unrecognized_keys':
      return `there is no ${issue.keys.map((key) => `'${key.slice(0, 100)}'`).join(', ')} here`;
    case 'invalid_type':
      return `is ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `is ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'too_small':
      return `is ${sizeOf(issue.origin, issue.minimum, 'or more')}`;
    case 'too_big':
      return `is ${sizeOf(issue.origin, issue.maximum, 'at most')}`;
    case 'invalid_format':
      return FORMATS[issue.format] ?? 'is not valid';
    default:
      return 'is not valid';
  }
};

/** Those of the library: shapes of ours say what is right, and begin in lower case. */
const OWN_WORDS = /^(?:Invalid |Unrecognized key|Too small|Too big)/;

const FORMATS: Readonly<Record<string, string>> = {
  datetime: TIME_SAYS,
  date: 'is a date such as 2030-12-24',
  uuid: 'is a UUID',
};

const KINDS: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  record: 'a map',
};

const sizeOf = (origin: string, limit: number | bigint, how: string): string => {
  switch (origin) {
    case 'array':
      return `a list of ${limit} ${how}`;
    case 'string':
      return `text of ${limit} characters ${how}`;
    default:
      return `${limit} ${how}`;
  }
};
