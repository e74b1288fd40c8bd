import type { TaskError } from './task.ts';

/**
 * Texts in a record are cut to these lengths, characters, whoever sends them: so it is known what room a record needs for
 * its own way to its end (behaviour R9). Of several errors in one, each keeps its share.
 */
export const ERROR_MESSAGE_LENGTH = 4_096;
export const ERROR_STACK_LENGTH = 16_384;
export const ERROR_TYPE_LENGTH = 200;
export const COMBINED_MESSAGE_LENGTH = 8_192;
export const COMBINED_STACK_LENGTH = 32_768;
export const WHY_LENGTH = 400;

/** Cut text says so. A surrogate pair is not cut in two: a lone one would make the record unreadable. */
export const bounded = (text: string, length: number): string => {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 2);
  const isPairCut = last >= 0xd800 && last <= 0xdbff;
  return `${text.slice(0, length - (isPairCut ? 2 : 1))}…`;
};

export const boundedError = ({ message, type, stack }: TaskError): TaskError => ({
  message: bounded(message, ERROR_MESSAGE_LENGTH),
  type: bounded(type, ERROR_TYPE_LENGTH),
  ...(stack === undefined ? {} : { stack: bounded(stack, ERROR_STACK_LENGTH) }),
});

const MESSAGE_RULE = '; ';
const STACK_RULE = '\n--- next failure ---\n';

/** Every failure in one error, in the order given (behaviour L6). */
export const combinedError = (errors: readonly TaskError[]): TaskError => {
  const [first] = errors;
  if (first === undefined) return { message: 'unknown', type: 'Error' };
  if (errors.length === 1) return boundedError(first);
  const stacks = errors.flatMap(({ stack }) => (stack === undefined ? [] : [stack]));
  return {
    message: joined(
      errors.map(({ message }) => message),
      MESSAGE_RULE,
      COMBINED_MESSAGE_LENGTH,
    ),
    type: bounded([...new Set(errors.map(({ type }) => type))].join('+'), ERROR_TYPE_LENGTH),
    ...(stacks.length === 0 ? {} : { stack: joined(stacks, STACK_RULE, COMBINED_STACK_LENGTH) }),
  };
};

const joined = (texts: readonly string[], rule: string, length: number): string => {
  const whole = texts.join(rule);
  if (whole.length <= length) return whole;
  const share = Math.max(2, Math.floor(length / texts.length) - rule.length);
  return bounded(texts.map((text) => bounded(text, share)).join(rule), length);
};
