import type { Fence, Progress, Tags, TaskId, TaskRecord } from '@baton/core';

/** What a handler may know of its run from the start. Plain data: it is copied to a thread. */
export type TaskFacts = {
  readonly taskId: TaskId;
  readonly taskKey: string;
  readonly taskType: string;
  /** Number of this run, from 1. */
  readonly attempt: number;
  readonly fence: Fence;
  /** Who submitted the task. */
  readonly user?: string;
  /** `traceparent` of the span of this run, for a body in another thread. */
  readonly trace?: string;
  readonly tags?: Tags;
  /** Last stored progress and encoded payload of the former run. */
  readonly previous: { readonly progress?: Progress; readonly payload?: Uint8Array };
};

/** As the claim left the record: what this run writes later is not the former run's. */
export const factsOf = (claimed: TaskRecord, fence: Fence): TaskFacts => {
  const { id, key, type, attempt, creator, progress, payload, runTrace, tags } = claimed;
  return {
    taskId: id,
    taskKey: key,
    taskType: type,
    attempt,
    fence,
    ...(creator === undefined ? {} : { user: creator }),
    ...(runTrace === undefined ? {} : { trace: runTrace }),
    ...(tags === undefined ? {} : { tags }),
    previous: {
      ...(progress === undefined ? {} : { progress }),
      ...(payload instanceof Uint8Array ? { payload } : {}),
    },
  };
};
