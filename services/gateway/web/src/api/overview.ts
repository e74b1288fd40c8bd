import type { Status } from '../task/task.ts';
import { call, type Server } from './http.ts';

export type Bucket = {
  readonly at: number;
  readonly created: number;
  readonly success: number;
  readonly failure: number;
  readonly aborted: number;
  readonly timed_out: number;
};

export type QueueFigures = {
  readonly queue: string;
  readonly waiting: number;
  readonly delayed: number;
  readonly running: number;
  readonly oldest_waiting_seconds: number | null;
  readonly workers: number;
  readonly slots: number;
  readonly busy: number;
};

export type Overview = {
  readonly stepSeconds: number;
  readonly buckets: readonly Bucket[];
  readonly byStatus: Readonly<Record<Status, number>>;
  readonly queues: readonly QueueFigures[];
};

type WireBucket = Omit<Bucket, 'at'> & { readonly at: string };
type Answer = {
  step_seconds: number;
  buckets: WireBucket[];
  by_status: Record<Status, number>;
  queues: QueueFigures[];
};

export const loadOverview = async (server: Server, window: string, signal: AbortSignal): Promise<Overview> => {
  const answer = await call<Answer>(server, '/api/v1/overview', { query: { window }, signal });
  return {
    stepSeconds: answer.step_seconds,
    buckets: answer.buckets.map((bucket) => ({ ...bucket, at: Date.parse(bucket.at) })),
    byStatus: answer.by_status,
    queues: answer.queues,
  };
};

export type WorkerFigures = {
  readonly id: string;
  readonly role: string;
  readonly host: string;
  readonly state: 'ready' | 'draining' | 'blocked' | 'lost';
  readonly queues: readonly string[];
  readonly slots: number;
  readonly running: number;
  readonly seen_seconds_ago: number;
};

/** For admins. */
export const loadWorkers = async (server: Server, signal: AbortSignal): Promise<readonly WorkerFigures[]> =>
  (await call<{ result: WorkerFigures[] }>(server, '/api/v1/workers', { signal })).result;
