import type { Lane } from '@baton/protocols';
import type { QueuedTask, RunningTask } from '../../dispatch/ready-outbox.ts';
import type { TaskIndex, Watched } from './task-index.ts';

/** A task that waits, as its queue hears of it. `bytes`: its record, where it is still here. */
export const queuedTask = (
  { address, revision, order, marks }: Watched,
  { queue, priority, type }: Lane,
  bytes?: Uint8Array,
): QueuedTask => {
  // By assignment: this is the way of every task, and spreading costs twenty times as much.
  const task: { -readonly [K in keyof QueuedTask]: QueuedTask[K] } = {
    address,
    revision,
    order,
    queue,
    priority,
    type,
  };
  if (marks !== undefined) Object.assign(task, marks);
  if (bytes !== undefined) task.bytes = bytes;
  return task;
};

/** Every task of the index that waits. */
export function* allReady(index: TaskIndex): Generator<QueuedTask> {
  for (const { watched, lane } of index.ready()) yield queuedTask(watched, lane);
}

/** A task that runs, as its queue hears of it where it is limited. */
export const runningTask = ({ address, revision, marks, duties }: Watched, { queue, type }: Lane): RunningTask => {
  const task: { -readonly [K in keyof RunningTask]: RunningTask[K] } = { address, revision, queue, type };
  if (marks === undefined) return task;
  const { group, limitKey, units } = marks;
  if (group !== undefined) task.group = group;
  if (limitKey !== undefined) task.limitKey = limitKey;
  if (units !== undefined) task.units = units;
  if ('fence' in duties) task.since = duties.fence.revision;
  return task;
};

/** Every task of the index that runs and takes a slot of its queue. */
export function* allRunning(index: TaskIndex): Generator<RunningTask> {
  for (const { watched, lane } of index.running()) yield runningTask(watched, lane);
}
