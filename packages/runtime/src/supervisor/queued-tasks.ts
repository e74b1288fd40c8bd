import type { Lane } from '@baton/protocols';
import type { QueuedTask } from '../dispatch/ready-outbox.ts';
import type { TaskIndex, Watched } from './task-index.ts';

/** A task that waits, as its queue hears of it. `bytes`: its record, where it is still here. */
export const queuedTask = (
  { address, revision, order }: Watched,
  { queue, priority, type }: Lane,
  bytes?: Uint8Array,
): QueuedTask => ({ address, revision, order, queue, priority, type, ...(bytes === undefined ? {} : { bytes }) });

/** Every task of the index that waits. */
export function* allReady(index: TaskIndex): Generator<QueuedTask> {
  for (const { watched, lane } of index.ready()) yield queuedTask(watched, lane);
}
