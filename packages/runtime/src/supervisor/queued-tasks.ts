import type { Lane } from '@baton/protocols';
import type { QueuedTask } from '../dispatch/ready-outbox.ts';
import type { TaskIndex, Watched } from './task-index.ts';

/** A watched task as its queue is told of it. */
export const queuedTask = (
  { address, revision, order }: Watched,
  { queue, priority, type }: Lane,
  bytes?: Uint8Array,
): QueuedTask => ({ address, revision, order, queue, priority, type, ...(bytes === undefined ? {} : { bytes }) });

export function* allReady(index: TaskIndex): Generator<QueuedTask> {
  for (const { watched, lane } of index.ready()) yield queuedTask(watched, lane);
}
