import type { TaskError } from '@baton/core';
import { ERROR_MESSAGE_LENGTH, ERROR_STACK_LENGTH } from '@baton/protocols';
import { inspect } from 'node:util';

/** Ends a task at once: no further attempt, whatever is left (behaviour R2). Thrown by handlers. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
  readonly code = 'TERMINAL';
}

/** By code and not by class: tasks may bring their own copy of this module. */
export const isTerminalError = (thrown: unknown): boolean => codeOf(thrown) === 'TERMINAL';

/** The delay an error with the code `RETRYABLE` asks for, milliseconds. */
export const retryAfterOf = (thrown: unknown): number | undefined => {
  if (codeOf(thrown) !== 'RETRYABLE') return undefined;
  const ms = (thrown as { readonly retryAfterMs?: unknown }).retryAfterMs;
  return typeof ms === 'number' && Number.isFinite(ms) && ms >= 0 ? ms : undefined;
};

const codeOf = (thrown: unknown): unknown => (thrown instanceof Error && 'code' in thrown ? thrown.code : undefined);

/** What was thrown, as data. Anything can be thrown; what is no Error is described, not lost (behaviour L5). */
export const taskErrorOf = (thrown: unknown): TaskError => {
  if (!(thrown instanceof Error))
    return { message: bounded(describe(thrown), ERROR_MESSAGE_LENGTH), type: kindOf(thrown) };
  const type = typeof thrown.name === 'string' && thrown.name !== '' ? thrown.name : 'Error';
  const stack = typeof thrown.stack === 'string' ? { stack: bounded(thrown.stack, ERROR_STACK_LENGTH) } : {};
  return { message: bounded(String(thrown.message), ERROR_MESSAGE_LENGTH), type: bounded(type, 100), ...stack };
};

const describe = (thrown: unknown): string =>
  typeof thrown === 'string' ? thrown : inspect(thrown, { depth: 3, breakLength: 120 });

const kindOf = (thrown: unknown): string => (thrown === null ? 'null' : typeof thrown);

/** Cut text says so; a cut surrogate pair would make the record unreadable. */
const bounded = (text: string, length: number): string => {
  const whole = text.toWellFormed();
  return whole.length <= length ? whole : `${whole.slice(0, length - 1).toWellFormed()}…`;
};
