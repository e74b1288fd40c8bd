import { DEFAULT_RUN_OPTIONS, type Actor } from '@baton/core';
import { isOwnType, OWN_TYPE_PREFIX, type Address } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { TaskContext } from '../run/context.ts';
import { getContext } from '../run/context.ts';
import type { TaskDefinition } from '../run/definition.ts';
import type { NodeInfo } from '../ports/presence.ts';
import type { Projections } from '../ports/projections.ts';
import { removeObjects } from '../retention/prune.ts';
import { filterIn, type BulkFilter, type BulkOperation, type BulkOrder } from './order.ts';
import { isRetried, isWorthRepeating, oneTask, type OneParts } from './one-task.ts';
import type { BulkViews, FoundTask } from './views.ts';
import { sideBySide } from '../side-by-side.ts';

/** The type of the tasks that bulk operations are, and the queue they wait in. */
export const BULK_TYPE = `${OWN_TYPE_PREFIX}bulk`;
export const BULK_QUEUE = 'baton';

export type BulkParts = OneParts & {
  readonly views: BulkViews;
  readonly projections: Pick<Projections, 'progress'>;
  readonly log: Log;
};

/** What has come of it, also while it goes on; numbers of tasks. */
export type BulkReport = {
  readonly operation: BulkOperation;
  readonly dry_run: boolean;
  /** Found so far: each of them is in one of the others. */
  readonly matched: number;
  readonly done: number;
  /** Shared ones that its user has left, and that go on for others. */
  readonly unsubscribed: number;
  /** By the code of the error that a single call would have met, ALREADY_RETRIED or SUPERSEDED. */
  readonly refused: Readonly<Record<string, number>>;
  /** False: it ended before it had seen all that match. */
  readonly complete: boolean;
};

/** Tasks found at once: what is found is kept before anything is done to it. */
const PAGE = 2_000;
/** Of such pages; two steps each. */
const MOST_PAGES = 450;
const AT_ONCE = 16;
/** How long the documents may take to get to where the bucket is. */
const BEHIND_MS = 30_000;
const LOOK_MS = 200;
/** Ids in one line of the log. */
const LOGGED = 100;

/**
 * The task a bulk operation is (behaviour B1): served by whoever has the documents. Its steps are what has been found and
 * what became of it, so that a run that goes on after a crash does nothing twice and counts nothing twice.
 */
export const bulkDefinition = (parts: BulkParts): TaskDefinition => ({
  ...BULK,
  retryOn: isWorthRepeating,
  handler: (order: BulkOrder) => runBulk(parts, order, getContext()),
});

/** The same for whoever submits one. */
export const BULK: TaskDefinition = {
  ...DEFAULT_RUN_OPTIONS,
  type: BULK_TYPE,
  queue: BULK_QUEUE,
  title: 'Operation on many tasks',
  policy: {
    maxAttempts: 10,
    maxRescues: 10,
    backoff: { initialMs: 1_000, factor: 2, maxMs: 60_000, jitter: 0.5 },
  },
  handler: () => {
    throw new Error('bulk operations are run by gateways');
  },
};

/** What a node is to people: one that serves nothing but Baton's own is a gateway. */
export const roleOf = ({ role, types = [] }: Pick<NodeInfo, 'role' | 'types'>): NodeInfo['role'] | 'gateway' =>
  role === 'worker' && types.length > 0 && types.every(isOwnType) ? 'gateway' : role;

type Counts = { matched: number; done: number; unsubscribed: number; refused: Record<string, number> };

const noCounts = (): Counts => ({ matched: 0, done: 0, unsubscribed: 0, refused: {} });

const add = (to: Counts, { matched, done, unsubscribed, refused }: Counts): void => {
  to.matched += matched;
  to.done += done;
  to.unsubscribed += unsubscribed;
  for (const [code, count] of Object.entries(refused)) to.refused[code] = (to.refused[code] ?? 0) + count;
};

/** What it needs of its run. */
export type BulkContext = Pick<TaskContext, 'taskId' | 'user' | 'signal' | 'step' | 'updateTask'>;

/** Throws BatonError where it cannot go on now, and the reason of the signal when it is told to stop. */
export const runBulk = async (parts: BulkParts, order: BulkOrder, ctx: BulkContext): Promise<BulkReport> => {
  const { signal, user } = ctx;
  if (user === undefined) throw new BatonError('PERMISSION_DENIED', 'a bulk operation is of a user');
  const actor: Actor = { user: user.id, admin: order.admin };
  const filter = filterIn(order, user.id);
  const total = await ctx.step('count', async () => {
    await documentsOfNow(parts, signal);
    return (await parts.views.count(filter)) ?? null;
  });
  const counts = noCounts();
  let complete = false;
  const report = (more = noCounts()): BulkReport => {
    const sum = noCounts();
    add(sum, counts);
    add(sum, more);
    return { operation: order.operation, dry_run: order.dry_run === true, ...sum, complete };
  };
  const tell = (more?: Counts, immediate = false): void => {
    const payload = report(more);
    const current =
      payload.done + payload.unsubscribed + Object.values(payload.refused).reduce((sum, count) => sum + count, 0);
    const progress = total === null ? current : ([current, Math.max(total, payload.matched)] as const);
    ctx.updateTask({ progress, payload }, { immediate });
  };
  const bulk: Bulk = { parts, order, actor, ctx, filter, tell };
  // What was made after it is not meant, and neither is it itself.
  let after: string = ctx.taskId;
  /** Of the pages so far, where a key is to be run again once. */
  const keys = new Set<Address>();
  for (let page = 1; page <= MOST_PAGES && !complete; page++) {
    const from = after;
    let isNew = false;
    const found = await ctx.step(`find ${page}`, async () => {
      isNew = true;
      const here = await parts.views.page(filter, user.id, PAGE, from);
      return order.operation === 'retry' ? { ...here, tasks: await marked(bulk, here.tasks, keys) } : here;
    });
    if (order.operation === 'retry')
      for (const { address } of found.tasks) if (address !== undefined) keys.add(address);
    add(counts, await ctx.step(`do ${page}`, () => onPage(bulk, found.tasks, !isNew)));
    complete = found.next === undefined;
    after = found.next ?? after;
    tell();
  }
  return report();
};

type Bulk = {
  readonly parts: BulkParts;
  readonly order: BulkOrder;
  readonly actor: Actor;
  readonly ctx: BulkContext;
  readonly filter: BulkFilter;
  readonly tell: (more?: Counts, immediate?: boolean) => void;
};

/**
 * Documents follow the bucket: what was there when it was asked for is in them before anything is looked for. Throws
 * BatonError PROJECTIONS_BEHIND.
 */
const documentsOfNow = async ({ projections, ports }: BulkParts, signal: AbortSignal): Promise<void> => {
  const { clock } = ports;
  const began = clock.monotonic();
  let first = await projections.progress('documents');
  for (let known = first; ; known = await projections.progress('documents')) {
    first ??= known;
    if (known !== undefined && first !== undefined && (known.behind === 0 || known.floor >= first.last)) return;
    if (signal.aborted) throw signal.reason;
    if (clock.monotonic() - began > BEHIND_MS) {
      const text = 'the documents are not where the tasks are: is a projector running? Nothing was done';
      throw new BatonError('PROJECTIONS_BEHIND', text);
    }
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
};

/**
 * Which of them are not run again: those an operation before this one has run again, and of the failures of one key all but
 * the last one. Kept with what is found, since this operation notes what it runs again as the one before it did.
 */
const marked = async (
  { parts, actor, ctx }: Bulk,
  tasks: readonly FoundTask[],
  keys: ReadonlySet<Address>,
): Promise<readonly FoundTask[]> => {
  const skipped = new Map<string, NonNullable<FoundTask['skip']>>();
  const here = new Set<Address>();
  for (const { id, address } of tasks) {
    if (address === undefined) continue;
    if (keys.has(address) || here.has(address)) skipped.set(id, 'SUPERSEDED');
    here.add(address);
  }
  await sideBySide(tasks, AT_ONCE, async (task) => {
    if (ctx.signal.aborted) throw ctx.signal.reason;
    if (skipped.has(task.id)) return;
    try {
      if (await isRetried(parts, actor, task)) skipped.set(task.id, 'ALREADY_RETRIED');
    } catch (error) {
      // What is wrong with one note is met again when its task is seen to, and counted there.
      if (isWorthRepeating(error)) throw error;
    }
  });
  return tasks.map((task) => {
    const why = skipped.get(task.id);
    return why === undefined ? task : { ...task, skip: why };
  });
};

/** Throws where it cannot go on; what was done by then is done, and is found so the next time. */
const onPage = async (bulk: Bulk, tasks: readonly FoundTask[], isRepeat: boolean): Promise<Counts> => {
  const counts = { ...noCounts(), matched: tasks.length };
  const { order, ctx, tell } = bulk;
  if (order.operation === 'delete') await deletePage(bulk, tasks, counts);
  else await eachTask(bulk, tasks, counts, isRepeat);
  const { done, unsubscribed, refused } = counts;
  if (!order.dry_run && tasks.length > 0) {
    const fields = { task: ctx.taskId, operation: order.operation, user: ctx.user?.id, done, unsubscribed, refused };
    bulk.parts.log.info(fields, 'bulk operation: a page of tasks is done');
  }
  if (ctx.signal.aborted) {
    tell(counts, true);
    throw ctx.signal.reason;
  }
  return counts;
};

const eachTask = async (
  { parts, order, actor, ctx, tell }: Bulk,
  tasks: readonly FoundTask[],
  counts: Counts,
  isRepeat: boolean,
): Promise<void> => {
  const { signal } = ctx;
  const run = { order, actor, id: ctx.taskId, isRepeat };
  let fault: { readonly error: unknown } | undefined;
  await sideBySide(tasks, AT_ONCE, async (task) => {
    if (signal.aborted || fault !== undefined) return;
    try {
      const outcome = await oneTask(parts, run, task);
      if (outcome.kind === 'refused') counts.refused[outcome.code] = (counts.refused[outcome.code] ?? 0) + 1;
      else counts[outcome.kind]++;
      tell(counts);
    } catch (error) {
      if (isWorthRepeating(error)) {
        fault ??= { error };
        return;
      }
      // A fault about one task is none of all the others.
      const code = error instanceof BatonError ? error.code : 'INTERNAL';
      parts.log.error({ err: error, task: ctx.taskId, about: task.id }, 'bulk operation: a task could not be seen to');
      counts.refused[code] = (counts.refused[code] ?? 0) + 1;
    }
  });
  if (fault !== undefined) throw fault.error;
};

/** The objects go first, as when documents are pruned: a run that is broken off leaves documents that are found again. */
const deletePage = async ({ parts, order, ctx, tell }: Bulk, tasks: readonly FoundTask[], counts: Counts) => {
  const { views, ports, log } = parts;
  if (order.dry_run) {
    counts.done = tasks.length;
    return;
  }
  for (let at = 0; at < tasks.length && !ctx.signal.aborted; at += LOGGED) {
    const ids = tasks.slice(at, at + LOGGED).map(({ id }) => id);
    await removeObjects(ports.data, await views.objectsOf(ids));
    await views.forget(ids);
    const kept = (await views.there(ids)).length;
    counts.done += ids.length - kept;
    if (kept > 0) counts.refused['TASK_NOT_TERMINAL'] = (counts.refused['TASK_NOT_TERMINAL'] ?? 0) + kept;
    log.info({ task: ctx.taskId, user: ctx.user?.id, tasks: ids }, 'bulk operation: these tasks are deleted');
    tell(counts);
  }
};
