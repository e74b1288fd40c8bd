import type { TaskDetail } from '../task/task.ts';
import { isTerminal, PRIORITIES, type Priority } from '../task/task.ts';
import { type Operation, OPERATIONS } from './order.ts';

/** The type of the tasks that bulk operations are. */
export const BULK_TYPE = 'baton.bulk';

/** What has come of it by now; numbers of tasks. */
export type BulkReport = {
  readonly operation: Operation;
  readonly isDry: boolean;
  readonly matched: number;
  readonly done: number;
  /** Shared ones that their user has left, and that go on for others. */
  readonly unsubscribed: number;
  /** By the code of the reason. */
  readonly refused: Readonly<Record<string, number>>;
  readonly complete: boolean;
};

/** What was asked for, as its task keeps it. */
export type KeptOrder = {
  readonly operation: Operation;
  readonly isDry: boolean;
  readonly filter: Readonly<Record<string, readonly string[]>>;
  readonly priority: Priority | undefined;
  readonly force: boolean;
  readonly admin: boolean;
};

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

const isOperation = (value: unknown): value is Operation => (OPERATIONS as readonly unknown[]).includes(value);
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0;

/** Undefined: it is none, or one that a newer version writes otherwise. */
export const reportIn = (value: unknown): BulkReport | undefined => {
  const { operation, dry_run: isDry, matched, done, unsubscribed, refused, complete } = fieldsOf(value);
  const reasons = Object.entries(fieldsOf(refused));
  if (!isOperation(operation) || !isCount(matched) || !isCount(done) || !isCount(unsubscribed)) return undefined;
  if (!reasons.every(([, count]) => isCount(count))) return undefined;
  return {
    ...{ operation, isDry: isDry === true, matched, done, unsubscribed, complete: complete === true },
    refused: Object.fromEntries(reasons) as Record<string, number>,
  };
};

export const orderIn = (args: unknown): KeptOrder | undefined => {
  const { operation, dry_run: isDry, filter, priority, force, admin } = fieldsOf(Array.isArray(args) ? args[0] : args);
  if (!isOperation(operation)) return undefined;
  return {
    operation,
    isDry: isDry === true,
    filter: Object.fromEntries(Object.entries(fieldsOf(filter)).map(([name, value]) => [name, textsIn(value)])),
    priority: PRIORITIES.find((one) => one === priority),
    force: force === true,
    admin: admin === true,
  };
};

const textsIn = (value: unknown): readonly string[] => [value].flat().map(String);

type Told = Pick<TaskDetail, 'result' | 'payload'>;

/** The last word, or what it said on its way. */
export const reportOf = ({ result, payload }: Told): BulkReport | undefined => reportIn(result) ?? reportIn(payload);

/** Whether nothing more comes: what a success has counted may be told a moment after it. */
export const hasAllSaid = (task: Told & Pick<TaskDetail, 'status'>): boolean => {
  if (!isTerminal(task.status)) return false;
  return task.status !== 'success' || reportIn(task.result) !== undefined || reportIn(task.payload)?.complete === true;
};
