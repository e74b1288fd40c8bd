import { call, type Server } from './http.ts';

type Made = { readonly by: string; readonly at: string; readonly why: string | null };

/** `type`, `group`: of this one alone; both null: of the whole queue. */
export type Pause = Made & { readonly type: string | null; readonly group: string | null };

type Most = {
  readonly concurrency: number | null;
  /** What becomes of those that find all slots taken. */
  readonly when_full: 'wait' | 'cancel_newest' | 'cancel_running';
  readonly rate: { readonly units: number; readonly window_seconds: number } | null;
};

export type Limit = Made &
  Most & {
    readonly of: 'queue' | 'type' | 'group' | 'key';
    /** null: of each that has none of its own. */
    readonly name: string | null;
    /** Of groups and keys: only their tasks of this type. */
    readonly type: string | null;
    readonly from: 'definition' | 'run_time';
    /** What the definition of the type says, and does not hold because of this one. */
    readonly instead_of: Most | null;
  };

/** Turns of a group for each turn of another. */
export type Weight = Omit<Made, 'why'> & { readonly group: string; readonly weight: number };

/** What admins have set for a queue. */
export type QueueSet = {
  readonly queue: string;
  readonly pauses: readonly Pause[];
  readonly limits: readonly Limit[];
  readonly weights: readonly Weight[];
};

/** Of the queues that have a task or a worker. For admins. */
export const loadQueues = async (server: Server, signal: AbortSignal): Promise<readonly QueueSet[]> =>
  (await call<{ result: QueueSet[] }>(server, '/api/v1/queues', { signal })).result;

export type QueueChange =
  /** 1: as every group has without being told. */
  | { readonly verb: 'weight'; readonly group: string; readonly weight: number }
  | { readonly verb: 'pause' | 'resume'; readonly type?: string; readonly group?: string; readonly why?: string }
  /** Without `concurrency` and `rate` it is taken back. */
  | {
      readonly verb: 'limit';
      readonly of: Limit['of'];
      readonly name?: string;
      readonly type?: string;
      readonly concurrency?: number;
      readonly why?: string;
    };

export const changeQueue = (server: Server, queue: string, { verb, ...body }: QueueChange): Promise<QueueSet> =>
  call<QueueSet>(server, `/api/v1/queue/${encodeURIComponent(queue)}/${verb}`, { method: 'POST', body });
