import type { Priority, Scope, Status } from '@baton/core';
import { BULK, bulkOptions, bulkOrder, bulkShape, InvalidArgumentError, type BulkOperation } from '@baton/runtime';
import { TaskNotPendingError } from '@baton/sdk';
import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { plain, sayJson } from '../output.ts';
import type { Session } from '../session.ts';
import { tagParts } from '../tag-options.ts';
import { followToEnd } from './watch.ts';

export type BulkOptions = {
  readonly status?: readonly Status[];
  readonly type?: readonly string[];
  readonly scope?: readonly Scope[];
  readonly createdBy?: readonly string[];
  readonly subscriber?: readonly string[];
  readonly tag?: readonly string[];
  readonly name?: string;
  readonly text?: string;
  readonly priority?: Priority;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly operationId?: string;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
};

/** One operation on all tasks that match (behaviour B1), run by a gateway. Ctrl-C leaves it to go on. */
export const bulk = async (session: Session, operation: BulkOperation, options: BulkOptions): Promise<number> => {
  const order = bulkOrder(requestOf(operation, options), session.actor);
  const baton = await session.baton();
  const { operationId, wait = true, waitTimeout } = options;
  const handle = await baton.schedule(BULK, [order], bulkOptions(order, session.actor.user, operationId));
  if (handle.differs) {
    throw new InvalidArgumentError(
      `--operation-id: was used for another operation, which is not this one: ${handle.name} (${handle.uuid})`,
    );
  }
  if (wait) return followToEnd(session, handle, waitTimeout);
  const { uuid, status } = handle;
  if (session.json) sayJson({ id: uuid, status });
  else say(`${uuid}  ${plain(handle.name)}, ${status}`);
  return exitCodes.ok;
};

const requestOf = (operation: BulkOperation, options: BulkOptions) => {
  const {
    createdBy: created_by,
    tag,
    priority,
    force,
    dryRun: dry_run,
    status,
    type,
    scope,
    subscriber,
    name,
    text,
  } = options;
  const tags = tag === undefined ? {} : { tag: tag.map((each) => tagParts(each).join(':')) };
  const filter = present({ status, type, scope, created_by, subscriber, name, text, ...tags });
  const parsed = bulkShape.safeParse({ operation, filter, ...present({ priority, force, dry_run }) });
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new InvalidArgumentError(said.join('; '));
};

const present = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Gives a task that waits another place in line. */
export const changePriority = async (session: Session, id: string, priority: Priority): Promise<number> => {
  const { document, handle } = await session.task(id);
  // Its record has been forgotten, so it has ended.
  if (handle === undefined)
    throw new TaskNotPendingError(
      `the task is ${document.status}: only one that waits has a place in line`,
      document.status,
    );
  await handle.changePriority(priority);
  if (session.json) sayJson({ id, priority });
  else say(`${id}  priority ${priority}`);
  return exitCodes.ok;
};
