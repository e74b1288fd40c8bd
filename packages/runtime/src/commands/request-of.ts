import { DEFAULT_BACKOFF, type Actor, type Policy } from '@baton/core';
import { DATA_LIMIT } from '@baton/protocols';
import { encodeArguments } from '../client/arguments.ts';
import { commandHash } from '../client/operations.ts';
import type { SubmitRequest } from '../client/submit.ts';
import type { CommandMessage } from '../ports.ts';
import type { CommandUser, SubmitCommand } from './shapes.ts';

export const actorOf = (user: CommandUser | undefined): Actor =>
  user === undefined ? { admin: false } : { user: user.id, admin: user.admin ?? false };

/**
 * The submit a command asks for. What it leaves open has the protocol's defaults: the definition of a type is known to its
 * workers and not here. Throws InvalidArgumentError and PayloadTooLargeError for arguments that cannot be kept.
 */
export const requestOf = (
  command: SubmitCommand & { readonly type: string },
  message: Pick<CommandMessage, 'sequence' | 'storedAt'>,
): SubmitRequest => {
  const { type, scope = 'private', queue = 'default', priority = 'normal' } = command;
  const { task_key: key, task_name: name, operation_id: operationId, when_aborting: whenAborting, delay } = command;
  // Counted from when the server stored the command, not from when it is carried out.
  const runAt = command.run_at ?? (delay === undefined ? undefined : message.storedAt + delay);
  return {
    ...{ type, scope, queue, priority, policy: policyOf(command) },
    args: encodeArguments(command.args ?? [], DATA_LIMIT),
    ...(key === undefined ? {} : { key }),
    ...(name === undefined ? {} : { name }),
    ...(runAt === undefined ? {} : { runAt }),
    ...(whenAborting === undefined ? {} : { whenAborting }),
    ...(operationId === undefined ? { operation: commandHash(message) } : { operationId }),
  };
};

const policyOf = (command: SubmitCommand): Policy => {
  const { timeout, max_attempts: maxAttempts, backoff, max_rescues: maxRescues, isolation } = command;
  const { on_orphan: onOrphan, abort_grace: abortGraceMs } = command;
  return {
    // 0 and null: none.
    ...(timeout === undefined || timeout === null || timeout === 0 ? {} : { timeoutMs: timeout }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(backoff === undefined ? {} : { backoff: backoffOf(backoff) }),
    ...(maxRescues === undefined ? {} : { maxRescues }),
    ...(onOrphan === undefined ? {} : { onOrphan }),
    ...(abortGraceMs === undefined ? {} : { abortGraceMs }),
    ...(isolation === undefined ? {} : { isolation }),
  };
};

const backoffOf = (given: NonNullable<SubmitCommand['backoff']>): NonNullable<Policy['backoff']> => ({
  initialMs: given.initial ?? DEFAULT_BACKOFF.initialMs,
  factor: given.factor ?? DEFAULT_BACKOFF.factor,
  maxMs: given.max ?? DEFAULT_BACKOFF.maxMs,
  jitter: given.jitter ?? DEFAULT_BACKOFF.jitter,
});
