import type { ListQuery } from '../list/query.ts';
import type { Priority, Task, TaskDetail } from '../task/task.ts';
import { call, type Query, type Server } from './http.ts';
import { detailOf, taskOf, type WireDetail, type WireTask } from './wire.ts';

const TASKS = '/api/v1/task/';
const taskPath = (uuid: string, rest = ''): string => `/api/v1/task/${encodeURIComponent(uuid)}${rest}`;

export type Page = {
  readonly tasks: readonly Task[];
  readonly count: number;
  readonly countExact: boolean;
  readonly next: string | undefined;
};

/** What narrows a list: the same for the list itself and for its live events. */
export const filterParameters = (query: ListQuery): Query => ({
  status: query.status,
  type: query.type,
  scope: query.scope,
  created_by: query.createdBy,
  tag: { each: query.tag },
  text: query.text.trim(),
});

export const listTasks = async (
  server: Server,
  query: ListQuery,
  options: { readonly pageSize: number; readonly cursor?: string | undefined; readonly signal?: AbortSignal },
): Promise<Page> => {
  type Answer = { result: WireTask[]; count: number; count_exact: boolean; next_cursor: string | null };
  const answer = await call<Answer>(server, TASKS, {
    query: {
      ...filterParameters(query),
      order_by: query.sortBy,
      order_direction: query.descending ? 'desc' : 'asc',
      page_size: String(options.pageSize),
      cursor: options.cursor,
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return {
    tasks: answer.result.map(taskOf),
    count: answer.count,
    countExact: answer.count_exact,
    next: answer.next_cursor ?? undefined,
  };
};

export const getTask = async (server: Server, uuid: string, signal: AbortSignal): Promise<TaskDetail> =>
  detailOf((await call<{ result: WireDetail }>(server, taskPath(uuid), { signal })).result);

/** Why a task waits: in words, with the tasks that hold what it waits for. */
export type WhyAnswer = {
  readonly waits: boolean;
  readonly text: readonly string[];
  readonly reasons: readonly {
    readonly kind: string;
    readonly holders?: readonly { readonly uuid: string; readonly task_name: string }[];
  }[];
};

export const whyTask = (server: Server, uuid: string, signal: AbortSignal): Promise<WhyAnswer> =>
  call<WhyAnswer>(server, taskPath(uuid, '/why'), { signal });

export type CancelAnswer = { readonly action: 'aborted' | 'unsubscribed'; readonly task: Task | undefined };

export const cancelTask = async (server: Server, uuid: string, force: boolean): Promise<CancelAnswer> => {
  type Answer = { action: 'aborted' | 'unsubscribed'; task: WireTask | null };
  const body = force ? { force: true } : {};
  const answer = await call<Answer>(server, taskPath(uuid, '/cancel'), { method: 'POST', body });
  return { action: answer.action, task: answer.task === null ? undefined : taskOf(answer.task) };
};

/** Of a task that waits: another place in line. */
export const changePriority = async (server: Server, uuid: string, priority: Priority): Promise<Task> => {
  const request = { method: 'POST', body: { priority } } as const;
  return taskOf((await call<{ task: WireTask }>(server, taskPath(uuid, '/priority'), request)).task);
};

export type SignalAnswer = { readonly outcome: 'delivered' | 'kept'; readonly task: Task };

/** `data`: any JSON value; undefined: none. */
export const signalTask = async (
  server: Server,
  uuid: string,
  signal: { readonly name: string; readonly data: unknown; readonly operation_id: string },
): Promise<SignalAnswer> => {
  type Answer = { outcome: 'delivered' | 'kept'; task: WireTask };
  const { outcome, task } = await call<Answer>(server, taskPath(uuid, '/signal'), { method: 'POST', body: signal });
  return { outcome, task: taskOf(task) };
};

export type Submission = {
  readonly type: string;
  readonly args: readonly unknown[];
  readonly task_key?: string;
  readonly task_name?: string;
  readonly scope?: string;
  readonly timeout?: string | number;
  readonly queue?: string;
  readonly priority?: string;
  readonly run_at?: string;
  readonly tags?: Readonly<Record<string, string | number | boolean>>;
  readonly operation_id: string;
};

export type SubmitOutcome = 'created' | 'joined' | 'replaced' | 'debounced' | 'throttled';

export type SubmitAnswer = { readonly task: Task; readonly outcome: SubmitOutcome; readonly differs: boolean };

type WireSubmit = { task: WireTask; outcome: SubmitOutcome; differs: boolean };

const submitOf = ({ task, outcome, differs }: WireSubmit): SubmitAnswer => ({ task: taskOf(task), outcome, differs });

export const submitTask = async (server: Server, body: Submission): Promise<SubmitAnswer> =>
  submitOf(await call<WireSubmit>(server, TASKS, { method: 'POST', body }));

export const retryTask = async (server: Server, uuid: string): Promise<SubmitAnswer> =>
  submitOf(await call<WireSubmit>(server, taskPath(uuid, '/retry'), { method: 'POST', body: {} }));

type Suggestions = { result: { value: string }[] };

/** Values a filter can be given, of tasks this viewer sees. */
export const distinctValues = async (server: Server, of: 'task_type' | 'created_by'): Promise<readonly string[]> => {
  const path = of === 'task_type' ? '/api/v1/task/distinct/task_type' : '/api/v1/task/related/created_by';
  const { result } = await call<Suggestions>(server, path, { query: { page_size: '100' } });
  return result.map(({ value }) => value);
};

export type ServedType = { readonly type: string; readonly queues: readonly string[]; readonly workers: number };

export const servedTypes = async (server: Server): Promise<readonly ServedType[]> =>
  (await call<{ result: ServedType[] }>(server, '/api/v1/types')).result;

/** How tasks of a type are run where their submit says nothing else, as far as the form shows it. */
export type Definition = {
  readonly type: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly scope: string;
  readonly queue: string;
  readonly priority: string;
  readonly timeout_seconds: number | null;
  /** JSON Schema of the list of arguments. */
  readonly args_schema: Readonly<Record<string, unknown>> | null;
  /** Live workers serve it by different definitions. */
  readonly conflict: boolean;
  /** Which, and in what: told to admins. */
  readonly conflicts: readonly { readonly worker: string; readonly fields: readonly string[] }[];
};

export const definitions = async (server: Server): Promise<readonly Definition[]> =>
  (await call<{ result: Definition[] }>(server, '/api/v1/definitions')).result;
