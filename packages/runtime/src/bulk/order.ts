import { TERMINAL_STATUSES, type Actor, type Priority, type Status, type TagFilter } from '@baton/core';
import { NAME_LENGTH } from '@baton/protocols';
import * as z from 'zod';
import { InvalidArgumentError, PermissionDeniedError } from '../errors.ts';
import { rules } from '../client/rules.ts';
import { tagFilterIn, taskFilterShape, type TaskFilterFields } from '../client/task-filter.ts';

export const BULK_OPERATIONS = ['cancel', 'retry', 'change_priority', 'delete'] as const;
export type BulkOperation = (typeof BULK_OPERATIONS)[number];

/** What is asked for: one operation on all tasks that match (behaviour B1). */
export const bulkShape = z.strictObject({
  operation: z.enum(BULK_OPERATIONS),
  filter: taskFilterShape.describe('at least one; without status those the operation can be for'),
  priority: rules.priority.shape.optional().describe('of change_priority'),
  force: z.boolean().optional().describe('of cancel: an admin stops them for everyone'),
  dry_run: z.boolean().optional().describe('counts what would be done, and does nothing'),
});

export type BulkRequest = z.output<typeof bulkShape>;

/** As it is kept as the argument of its task: what was left open is said, and by whom it is. */
export type BulkOrder = {
  readonly operation: BulkOperation;
  readonly filter: TaskFilterFields;
  readonly priority?: Priority;
  readonly force?: true;
  readonly dry_run?: true;
  /** Whether it is an admin's. Nobody can say so by himself: tasks of Baton's own types are made by Baton alone. */
  readonly admin: boolean;
};

/** The filter as the documents are asked by. */
export type BulkFilter = {
  readonly status?: readonly Status[];
  readonly type?: readonly string[];
  readonly scope?: readonly ('private' | 'shared' | 'system')[];
  readonly createdBy?: readonly string[];
  readonly subscribers?: readonly string[];
  readonly tags?: TagFilter;
  readonly name?: string;
  readonly text?: string;
  /** Only what this user may see; absent: all. */
  readonly visibleTo?: string;
};

/** In which an operation has something to do; the first list where nothing is said. */
const STATES: Readonly<
  Record<BulkOperation, { readonly usual: readonly Status[]; readonly others: readonly Status[] }>
> = {
  cancel: { usual: ['pending', 'in_progress'], others: ['aborting'] },
  // Who has cancelled something does not mean it when he says: again what failed.
  retry: { usual: ['failure', 'timed_out'], others: ['aborted', 'success'] },
  change_priority: { usual: ['pending'], others: [] },
  delete: { usual: TERMINAL_STATUSES, others: [] },
};

/** Throws InvalidArgumentError and PermissionDeniedError, for every door alike. */
export const bulkOrder = (request: BulkRequest, actor: Actor): BulkOrder => {
  const { operation, filter, priority, force = false, dry_run: isDry = false } = request;
  if (Object.values(filter).every((value) => value === undefined))
    throw new InvalidArgumentError('filter: says which tasks are meant; name at least one of its fields');
  if (operation === 'change_priority' && priority === undefined)
    throw new InvalidArgumentError('priority: is missing; change_priority needs the new one: high, normal, low');
  if (operation !== 'change_priority' && priority !== undefined)
    throw new InvalidArgumentError(`priority: is of change_priority alone, and not of ${operation}`);
  if (force && operation !== 'cancel') throw new InvalidArgumentError('force: is of cancel alone');
  if (force && !actor.admin) throw new PermissionDeniedError('PERMISSION_DENIED', 'only an admin may force a cancel');
  if (operation === 'delete' && !actor.admin)
    throw new PermissionDeniedError('PERMISSION_DENIED', 'only an admin may delete tasks');
  return {
    operation,
    filter: { ...filter, status: [...statesFor(operation, filter.status)] },
    ...(priority === undefined ? {} : { priority }),
    ...(force ? { force: true } : {}),
    ...(isDry ? { dry_run: true } : {}),
    admin: actor.admin,
  };
};

const statesFor = (operation: BulkOperation, said: readonly Status[] | undefined): readonly Status[] => {
  const { usual, others } = STATES[operation];
  if (said === undefined) return usual;
  const possible = [...usual, ...others];
  const wrong = said.find((status) => !possible.includes(status));
  if (wrong === undefined) return said;
  throw new InvalidArgumentError(`filter.status: ${operation} is for ${possible.join(', ')}; got ${wrong}`);
};

export const filterIn = ({ filter, admin }: BulkOrder, user: string): BulkFilter => {
  const { status, type, scope, created_by: createdBy, subscriber: subscribers, tag, name, text } = filter;
  return {
    ...(status === undefined ? {} : { status }),
    ...(type === undefined ? {} : { type }),
    ...(scope === undefined ? {} : { scope }),
    ...(createdBy === undefined ? {} : { createdBy }),
    ...(subscribers === undefined ? {} : { subscribers }),
    ...(tag === undefined ? {} : { tags: tagFilterIn(tag) }),
    ...(name === undefined ? {} : { name }),
    ...(text === undefined ? {} : { text }),
    ...(admin ? {} : { visibleTo: user }),
  };
};

const VERBS: Readonly<Record<BulkOperation, string>> = {
  cancel: 'Cancel',
  retry: 'Retry',
  change_priority: 'Change the priority of',
  delete: 'Delete',
};

/** Of its task, for people: `Cancel tasks: type mail, status pending`. */
const bulkName = ({ operation, filter, priority, dry_run: isDry }: BulkOrder): string => {
  const parts = Object.entries(filter).flatMap(([field, value]) =>
    value === undefined ? [] : [`${field.replace('_', ' ')} ${[value].flat().join(' or ')}`],
  );
  const to = priority === undefined ? '' : ` to ${priority}`;
  const text = `${isDry ? 'Dry run: ' : ''}${VERBS[operation]} tasks${to}: ${parts.join(', ')}`;
  return text.length <= NAME_LENGTH ? text : `${text.slice(0, NAME_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
};

/**
 * How its task is submitted, at every door alike: whoever asks for much takes turns with the others, and a count is waited
 * for.
 */
export const bulkOptions = (order: BulkOrder, user: string | undefined, operationId?: string) => ({
  taskName: bulkName(order),
  ...(user === undefined ? {} : { group: user }),
  ...(order.dry_run ? ({ priority: 'high' } as const) : {}),
  ...(operationId === undefined ? {} : { operationId }),
});
