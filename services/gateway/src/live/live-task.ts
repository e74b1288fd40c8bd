import { taskOf, type TaskRecord } from '@baton/core';
import { documentOf, type Address, type TaskDocument } from '@baton/protocols';

/** A version of a task as it stands in the bucket. Its document is made when somebody asks for it. */
export class LiveTask {
  readonly record: TaskRecord;
  readonly address: Address;
  readonly epoch: number;
  readonly revision: number;
  /** Bytes of the stored record: what keeping this costs, roughly. */
  readonly size: number;
  /** By the monotonic clock, milliseconds. */
  readonly seenAt: number;
  private made: TaskDocument | undefined;

  constructor(record: TaskRecord, from: LiveOrigin) {
    this.record = record;
    this.address = from.address;
    this.epoch = from.epoch;
    this.revision = from.revision;
    this.size = from.size;
    this.seenAt = from.seenAt;
  }

  get id(): string {
    return this.record.id;
  }

  get document(): TaskDocument {
    this.made ??= documentOf(this.record, this);
    return this.made;
  }
}

export type LiveOrigin = Pick<LiveTask, 'address' | 'epoch' | 'revision' | 'size' | 'seenAt'>;

/** Task `id` in a record of its actor: the actor's own, or one that waits behind it. */
export const liveTaskIn = (record: TaskRecord, id: string, from: LiveOrigin): LiveTask | undefined => {
  const task = taskOf(record, id);
  return task === undefined ? undefined : new LiveTask(task, from);
};
