import { DEFAULT_RUN_OPTIONS, type Actor, type Backoff } from '@baton/core';
import { DATA_LIMIT, parseAddress, traceContextIn } from '@baton/protocols';
import { encodeArguments } from '../client/arguments.ts';
import { commandHash } from '../client/operations.ts';
import { applyOverrides, type RunOverrides } from '../client/run-options.ts';
import type { SubmitRequest } from '../client/submit.ts';
import type { CommandMessage } from '../ports/commands.ts';
import type { WantedDependency } from '../dependencies/edges.ts';
import type { CommandUser, DependencyField, RunFields, SubmitCommand } from './shapes.ts';

export const actorOf = (user: CommandUser | undefined): Actor =>
  user === undefined ? { admin: false } : { user: user.id, admin: user.admin ?? false };

/**
 * The submit a command asks for. What it leaves open is said by the definition of its type, and where nobody knows that, by
 * its `fallback`. Throws InvalidArgumentError and PayloadTooLargeError for arguments that cannot be kept.
 */
export const requestOf = (
  command: SubmitCommand & { readonly type: string },
  message: Pick<CommandMessage, 'sequence' | 'storedAt' | 'headers'>,
): SubmitRequest => {
  const { type, fallback, strict } = command;
  const { task_key: key, task_name: name, operation_id: operationId, when_aborting: whenAborting, delay } = command;
  // Counted from when the server stored the command, not from when it is carried out.
  const runAt = command.run_at ?? (delay === undefined ? undefined : message.storedAt + delay);
  const trace = traceContextIn(message.headers);
  return {
    type,
    overrides: overridesIn(command),
    ...(fallback === undefined ? {} : { fallback: applyOverrides(DEFAULT_RUN_OPTIONS, overridesIn(fallback)) }),
    ...(strict === undefined ? {} : { strict }),
    args: encodeArguments(command.args ?? [], DATA_LIMIT),
    ...(key === undefined ? {} : { key }),
    ...(name === undefined ? {} : { name }),
    ...(runAt === undefined ? {} : { runAt }),
    ...(command.expires_at === undefined ? {} : { expiresAt: command.expires_at }),
    ...(command.depends_on === undefined ? {} : { dependsOn: command.depends_on.map(wantedDependency) }),
    ...(whenAborting === undefined ? {} : { whenAborting }),
    ...(trace === undefined ? {} : { trace }),
    ...(operationId === undefined ? { operation: commandHash(message) } : { operationId }),
  };
};

/** An address that is none is as good as none: then it is looked for. */
const wantedDependency = ({ task, address: text, on_failure: onFailure }: DependencyField): WantedDependency => {
  const address = text === undefined ? undefined : parseAddress(text);
  return {
    id: task.toLowerCase(),
    ...(address === undefined ? {} : { address }),
    ...(onFailure === undefined || onFailure === 'fail' ? {} : { onFailure }),
  };
};

/** What a submit says of how its task is to be run, of a command or a request. */
export const overridesIn = (fields: RunFields): RunOverrides => {
  const { scope, queue, priority, timeout, max_attempts: maxAttempts, backoff, max_rescues: maxRescues } = fields;
  const { on_orphan: onOrphan, abort_grace: abortGraceMs, isolation, group, units, tags } = fields;
  const { limit_key: limitKey } = fields;
  const { mode, window: windowMs, max_wait: maxWaitMs, expires } = fields;
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(group === undefined ? {} : { group }),
    ...(limitKey === undefined ? {} : { limitKey }),
    ...(units === undefined ? {} : { units }),
    ...(tags === undefined ? {} : { tags }),
    // 0 and null: none.
    ...(timeout === undefined ? {} : { timeoutMs: timeout ?? 0 }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(backoff === undefined ? {} : { backoff: backoffIn(backoff) }),
    ...(maxRescues === undefined ? {} : { maxRescues }),
    ...(onOrphan === undefined ? {} : { onOrphan }),
    ...(abortGraceMs === undefined ? {} : { abortGraceMs }),
    ...(isolation === undefined ? {} : { isolation }),
    ...(mode === undefined ? {} : { mode }),
    ...(windowMs === undefined ? {} : { windowMs }),
    ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
    ...(expires === undefined ? {} : { expiresMs: expires ?? 0 }),
  };
};

const backoffIn = ({ initial, factor, max, jitter }: NonNullable<RunFields['backoff']>): Partial<Backoff> => ({
  ...(initial === undefined ? {} : { initialMs: initial }),
  ...(factor === undefined ? {} : { factor }),
  ...(max === undefined ? {} : { maxMs: max }),
  ...(jitter === undefined ? {} : { jitter }),
});
