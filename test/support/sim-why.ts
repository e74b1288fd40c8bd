import {
  isTerminal,
  limitsOf,
  taskOf,
  type QueueSettings,
  type TaskRecord,
  type WaitReason,
  type Why,
} from '@baton/core';

/** What a worker of a simulation serves. */
export type Serving = {
  readonly node: string;
  readonly types: readonly string[];
  readonly queues: readonly string[];
  readonly concurrency: number;
};

/** A run that has begun by way of its queue. */
export type Start = { readonly at: number; readonly record: TaskRecord };

/** All that decides why a task waits, as records, settings and processes have it at one moment. */
export type Truth = {
  /** By the server's clock. */
  readonly now: number;
  /** The newest of each address. */
  readonly actors: readonly TaskRecord[];
  readonly workers: readonly Serving[];
  readonly starts: readonly Start[];
  readonly settings: (queue: string) => QueueSettings;
};

/** What is set reaches the host of its queue within this. */
const HEARD_MS = 500;

type Limit = ReturnType<typeof limitsOf>[number];

/** What is said of a rate comes true later, and is not compared with what is counted here. */
const isRateAlone = (reason: WaitReason): boolean =>
  reason.kind === 'limit' && reason.rate !== undefined && reason.concurrency === undefined;

/** One line for each thing that is in the way, so that what is said and what is so can be compared. */
const saidIn = ({ reasons }: Why): readonly string[] =>
  reasons.flatMap((reason) => (isRateAlone(reason) ? [] : [lineOf(reason)])).toSorted();

const lineOf = (reason: WaitReason): string => {
  switch (reason.kind) {
    case 'starts_at':
      return `starts at ${reason.at} ${reason.because}`;
    case 'signal':
      return `signal ${reason.signal} until ${reason.until}`;
    case 'behind':
      return `behind ${reason.task}`;
    case 'depends_on':
      return `depends on ${reason.tasks.toSorted().join()}`;
    case 'paused':
      return `paused ${reason.of} ${reason.name} by ${reason.by}: ${reason.why}`;
    case 'limit':
      return limitLine(reason, reason.type, reason.concurrency?.running ?? 0, reason.concurrency?.most ?? 0);
    case 'no_worker':
      return `no worker of ${reason.queueWorkers}, but in ${reason.servedIn.toSorted().join()}`;
    case 'workers_busy':
      return `all ${reason.workers} workers are busy`;
    default:
      return reason.kind;
  }
};

const limitLine = (
  of: { of: string; name?: string },
  type: string | undefined,
  running: number,
  most: number,
): string => `limit ${of.of} ${of.of === 'queue' ? '' : of.name} of type ${type}: ${running} of ${most}`;

/** The same lines, from what is so; `isHeldByRate`: a rate is in its way. */
const soOf = (truth: Truth, actor: TaskRecord, record: TaskRecord, isHeldByRate: boolean): readonly string[] => {
  const own = ownLines(truth, actor, record);
  if (own.length > 0) return own.toSorted();
  const { pauses } = truth.settings(record.queue);
  const lines = pauses.flatMap(({ type, group, by, why }) => {
    if (type !== undefined) return type === record.type ? [`paused type ${type} by ${by}: ${why}`] : [];
    if (group !== undefined) return group === record.group ? [`paused group ${group} by ${by}: ${why}`] : [];
    return [`paused queue ${undefined} by ${by}: ${why}`];
  });
  for (const limit of limitsFor(truth, record)) {
    const running = holdersOf(truth, limit, record).length;
    if (limit.concurrency === undefined || running < limit.concurrency) continue;
    lines.push(
      limitLine({ of: limit.of, name: nameOf(limit.of, record) ?? '' }, typeOf(limit), running, limit.concurrency),
    );
  }
  const here = truth.workers.filter(({ queues }) => queues.includes(record.queue));
  const serving = here.filter(({ types }) => types.includes(record.type));
  if (serving.length === 0) {
    const elsewhere = truth.workers.filter(({ types }) => types.includes(record.type)).flatMap(({ queues }) => queues);
    lines.push(`no worker of ${here.length}, but in ${[...new Set(elsewhere)].toSorted().join()}`);
  }
  if (lines.length > 0 || isHeldByRate) return lines.toSorted();
  const isFree = serving.some(({ node, concurrency }) => runningOn(truth, node) < concurrency);
  return [isFree ? 'starting' : `all ${serving.length} workers are busy`];
};

const ownLines = ({ now, actors }: Truth, actor: TaskRecord, record: TaskRecord): readonly string[] => {
  const lines: string[] = [];
  if (actor.id !== record.id && !isTerminal(actor.status)) lines.push(`behind ${actor.id}`);
  const isOpen = (id: string): boolean =>
    actors.some((each) => {
      const other = taskOf(each, id);
      return other !== undefined && !isTerminal(other.status);
    });
  const open = (record.dependsOn ?? []).map(({ id }) => id).filter(isOpen);
  if (open.length > 0) lines.push(`depends on ${open.toSorted().join()}`);
  const { runAt, waiting, attempt } = record;
  if (runAt === undefined || runAt <= now) return lines;
  if (waiting !== undefined && 'signal' in waiting) lines.push(`signal ${waiting.signal} until ${runAt}`);
  else lines.push(`starts at ${runAt} ${attempt > 0 ? 'retry' : 'delay'}`);
  return lines;
};

/** The limits that count the task: of each, of its name, and of its own type alone. */
export const limitsFor = ({ settings }: Truth, record: TaskRecord): readonly Limit[] => {
  const all = limitsOf(settings(record.queue));
  const mine = all.filter(({ of, name, type }) => {
    const own = nameOf(of, record);
    return own !== undefined && (name ?? own) === own && (type === undefined || type === record.type);
  });
  // What is set for one name stands in the place of what is set for each.
  return mine.filter(
    ({ of, name, type }) =>
      name !== undefined || !mine.some((other) => other.name !== undefined && other.of === of && other.type === type),
  );
};

const nameOf = (of: Limit['of'], { type, group, limitKey }: TaskRecord): string | undefined =>
  ({ queue: '', type, group, key: limitKey })[of];

const typeOf = ({ of, type }: Limit): string | undefined => (of === 'type' ? undefined : type);

const isCountedBy = ({ of, type }: Limit, record: TaskRecord, other: TaskRecord): boolean =>
  other.queue === record.queue &&
  nameOf(of, other) === nameOf(of, record) &&
  (type === undefined || other.type === type);

/** Those that have a slot of the limit. */
const holdersOf = ({ actors }: Truth, limit: Limit, record: TaskRecord): readonly TaskRecord[] =>
  actors.filter((other) => isRunning(other) && isCountedBy(limit, record, other));

/** Units that started in the window of the limit's rate, and after `from`: when its queue had heard of it, where nothing is given. */
export const usedOf = (
  { now, starts }: Pick<Truth, 'now' | 'starts'>,
  limit: Limit,
  record: TaskRecord,
  from = limit.at + HEARD_MS,
): number => {
  const since = Math.max(now - (limit.rate?.windowMs ?? 0), from);
  const counted = starts.filter(({ at, record: other }) => at > since && isCountedBy(limit, record, other));
  return counted.reduce((sum, { record: { units = 1 } }) => sum + units, 0);
};

export const isRunning = ({ status, host }: TaskRecord): boolean =>
  (status === 'in_progress' || status === 'aborting') && host === undefined;

const runningOn = ({ actors }: Truth, node: string): number =>
  actors.filter((record) => isRunning(record) && record.owner?.worker.startsWith(`${node}-`)).length;

export const NOTHING_SET: QueueSettings = { v: 1, queue: '', pauses: [], limits: [], weights: [], changes: [] };

/** What is counted of a rate is counted a little later than it was so. */
const RATE_SLACK_MS = 1_000;

/**
 * What is said of the task and is not so, where nothing changes any more. `knowsRates`: nor is anything counted that had
 * started before a host came.
 */
export const liesOf = (truth: Truth, why: Why, knowsRates = false): readonly string[] => {
  const actor = truth.actors.find((each) => taskOf(each, why.id) !== undefined);
  const record = actor === undefined ? undefined : taskOf(actor, why.id);
  if (actor === undefined || record === undefined) return [`${why.id} is nowhere`];
  const name = `${record.key} (${record.type}, ${record.group}, ${record.limitKey})`;
  const said = saidIn(why).join('; ');
  const so = soOf(truth, actor, record, why.reasons.some(isRateAlone)).join('; ');
  const lies = said === so ? [] : [`${name} is said to wait for [${said}], and it is [${so}]`];
  const running = new Set(truth.actors.filter(isRunning).map(({ id }) => id));
  let rates = 0;
  for (const reason of why.reasons) {
    if (reason.kind !== 'limit') continue;
    const { holders, hidden, concurrency, rate } = reason;
    if (rate !== undefined) rates++;
    if (holders.some(({ id }) => !running.has(id)) || holders.length + hidden !== (concurrency?.running ?? 0))
      lies.push(`${name}: ${JSON.stringify(holders)} are said to hold it, and ${hidden} more`);
  }
  const rated = limitsFor(truth, record).filter(({ rate }) => rate !== undefined);
  const isFull = (limit: Limit, now: number, from?: number, units = record.units ?? 1): boolean => {
    const used = usedOf({ ...truth, now }, limit, record, from);
    return used > 0 && used + units > (limit.rate?.units ?? 0);
  };
  // One that goes first may wait for more units than the task itself.
  const mostUnits = (limit: Limit): number => {
    const waiting = truth.actors.filter((other) => other.status === 'pending' && isCountedBy(limit, record, other));
    return Math.max(...[record, ...waiting].map(({ units = 1 }) => units));
  };
  const full = rated.filter((limit) => isFull(limit, truth.now + RATE_SLACK_MS));
  // It may have heard of the limit at once, or have counted for another one before.
  const maybe = rated.filter((limit) => isFull(limit, truth.now - RATE_SLACK_MS, 0, mostUnits(limit)));
  if (knowsRates && rates > maybe.length)
    lies.push(`${name}: ${rates} rates are said to be full, and ${maybe.length} are`);
  if (why.position !== undefined && rates < full.length)
    lies.push(`${name}: ${full.length} rates are full, and ${rates} are said to be`);
  return lies;
};
