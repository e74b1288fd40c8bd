import type { TaskError } from '@baton/core';
import { ERROR_MESSAGE_LENGTH, ERROR_STACK_LENGTH } from '@baton/protocols';
import { bounded, describe, isError, kindOf, readMember } from '../describe.ts';

/** Ends a task at once: no further attempt, whatever is left (behaviour R2). Thrown by handlers. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
  readonly code = 'TERMINAL';
}

/** The last ones are of waits: every run finds the same answer. */
const TERMINAL_CODES: ReadonlySet<unknown> = new Set([
  ...['TERMINAL', 'SIGNAL_TIMEOUT', 'WAIT_UNSUPPORTED', 'SIGNALS_FULL'],
  ...['CHILDREN_TIMEOUT', 'CHILD_FAILED', 'SPAWN_UNSUPPORTED', 'CHILDREN_FULL'],
]);

/** By code and not by class: tasks may bring their own copy of this module. */
export const isTerminalError = (thrown: unknown): boolean => TERMINAL_CODES.has(codeOf(thrown));

/** The delay an error with the code `RETRYABLE` asks for, milliseconds. */
export const retryAfterOf = (thrown: unknown): number | undefined => {
  if (codeOf(thrown) !== 'RETRYABLE') return undefined;
  const ms = readMember(thrown, 'retryAfterMs');
  return typeof ms === 'number' && Number.isFinite(ms) && ms >= 0 ? ms : undefined;
};

const codeOf = (thrown: unknown): unknown => (isError(thrown) ? readMember(thrown, 'code') : undefined);

/**
 * What was thrown, as data. Anything can be thrown; what is no Error is described, not lost (behaviour L5). Never throws,
 * whatever it is given (behaviour R10).
 */
export const taskErrorOf = (thrown: unknown): TaskError => {
  if (!isError(thrown)) return { message: bounded(describe(thrown), ERROR_MESSAGE_LENGTH), type: kindOf(thrown) };
  const message = describe(readMember(thrown, 'message'));
  const stack = readMember(thrown, 'stack');
  return {
    message: bounded(message, ERROR_MESSAGE_LENGTH),
    type: bounded(typeName(thrown), ERROR_TYPE_LENGTH),
    ...(typeof stack === 'string' ? { stack: bounded(stack, ERROR_STACK_LENGTH) } : {}),
  };
};

const ERROR_TYPE_LENGTH = 100;

const typeName = (thrown: Error): string => {
  const name = readMember(thrown, 'name');
  return typeof name === 'string' && name !== '' ? name : 'Error';
};
