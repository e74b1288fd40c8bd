import type { Actor, Status } from '@baton/core';
import type { MongoTaskViews, Outcomes, QueueCount } from '@baton/mongo';
import type { Clock } from '@baton/runtime';
import type { Nodes } from '../live/nodes.ts';
import { visibleTo } from '../tasks/matching.ts';

export const WINDOWS = {
  '15m': { ms: 15 * 60_000, stepMs: 60_000 },
  '1h': { ms: 3_600_000, stepMs: 60_000 },
  '6h': { ms: 6 * 3_600_000, stepMs: 300_000 },
  '24h': { ms: 24 * 3_600_000, stepMs: 900_000 },
} as const;

export type WindowName = keyof typeof WINDOWS;

const STATUSES = ['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out'] as const;
const OUTCOMES = ['success', 'failure', 'aborted', 'timed_out'] as const;

const KEPT_MS = 5_000;
const MOST_KEPT = 500;

type Parts = {
  readonly views: Pick<MongoTaskViews, 'outcomes' | 'created' | 'queues'>;
  readonly nodes: Nodes;
  readonly clock: Clock;
};

export type Overview = Awaited<ReturnType<typeof read>>;

/** Figures over the tasks one user may see. Kept for some seconds: many pages of one user cost as much as one. */
export const createOverview = (parts: Parts): ((actor: Actor, window: WindowName) => Promise<Overview>) => {
  const kept = new Map<string, { readonly at: number; readonly figures: Promise<Overview> }>();
  return (actor, window) => {
    const key = JSON.stringify([actor.admin, actor.user, window]);
    const now = parts.clock.monotonic();
    const known = kept.get(key);
    if (known !== undefined && now - known.at < KEPT_MS) return known.figures;
    const figures = read(parts, actor, window);
    figures.catch(() => kept.delete(key));
    kept.delete(key);
    kept.set(key, { at: now, figures });
    const [oldest] = kept.keys();
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    return figures;
  };
};

const read = async ({ views, nodes, clock }: Parts, actor: Actor, window: WindowName) => {
  const { ms, stepMs } = WINDOWS[window];
  const to = clock.now();
  const first = Math.floor((to - ms) / stepMs) + 1;
  const from = first * stepMs;
  const filter = visibleTo({}, actor);
  const [ended, created, queues] = await Promise.all([
    views.outcomes(filter, new Date(from), stepMs),
    views.created(filter, firstIdAt(from), stepMs),
    views.queues(filter, new Date(to)),
  ]);
  const steps = Array.from({ length: Math.floor(to / stepMs) - first + 1 }, (_, i) => first + i);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    step_seconds: stepMs / 1_000,
    buckets: bucketsOf(steps, stepMs, created, ended),
    by_status: byStatus(created, queues),
    queues: queuesOf(queues, nodes, to),
  };
};

/** The least UUIDv7 of a moment: ids sort by the time they were made. */
const firstIdAt = (ms: number): string => {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
};

const bucketsOf = (
  steps: readonly number[],
  stepMs: number,
  created: readonly Outcomes[],
  ended: readonly Outcomes[],
) => {
  const sums = new Map<string, number>();
  const add = (key: string, count: number): void => void sums.set(key, (sums.get(key) ?? 0) + count);
  for (const { step, count } of created) add(`${step} created`, count);
  for (const { step, status, count } of ended) add(`${step} ${status}`, count);
  const sum = (step: number, what: string): number => sums.get(`${step} ${what}`) ?? 0;
  return steps.map((step) => ({
    at: new Date(step * stepMs).toISOString(),
    created: sum(step, 'created'),
    success: sum(step, 'success'),
    failure: sum(step, 'failure'),
    aborted: sum(step, 'aborted'),
    timed_out: sum(step, 'timed_out'),
  }));
};

/** Ended ones made in the window; what is not terminal whenever it was made. */
const byStatus = (created: readonly Outcomes[], queues: readonly QueueCount[]): Record<Status, number> => {
  const ended: readonly string[] = OUTCOMES;
  const counts = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
  for (const { status, count } of created) if (ended.includes(status)) counts[status] += count;
  for (const { status, count } of queues) counts[status] += count;
  return counts;
};

const queuesOf = (counts: readonly QueueCount[], nodes: Nodes, now: number) => {
  const workers = nodes.workers();
  const names = new Set([...counts.map(({ queue }) => queue), ...workers.flatMap((worker) => worker.queues ?? [])]);
  return [...names].toSorted().map((queue) => {
    const mine = counts.filter((one) => one.queue === queue);
    const waiting = mine.filter(({ status, delayed }) => status === 'pending' && !delayed);
    const serving = workers.filter((worker) => worker.queues?.includes(queue));
    const oldest = Math.min(...waiting.map((one) => one.oldest.getTime()));
    return {
      queue,
      waiting: sumOf(waiting),
      delayed: sumOf(mine.filter(({ delayed }) => delayed)),
      running: sumOf(mine.filter(({ status }) => status !== 'pending')),
      oldest_waiting_seconds: Number.isFinite(oldest) ? Math.max(0, now - oldest) / 1_000 : null,
      workers: serving.length,
      slots: serving.reduce((sum, { concurrency = 0 }) => sum + concurrency, 0),
      busy: serving.reduce((sum, { running = 0 }) => sum + running, 0),
    };
  });
};

const sumOf = (counts: readonly QueueCount[]): number => counts.reduce((sum, { count }) => sum + count, 0);
