import { whyOfEnded, type Why } from '@baton/core';
import type { TaskDocument } from '@baton/protocols';

/** Of a task whose record is gone. */
export const whyEnded = (document: TaskDocument, now: number): Why =>
  whyOfEnded({
    ...{ id: document._id, status: document.status, type: document.task_type, queue: document.queue },
    ...{ priority: document.priority, now },
    ...((document.group ?? null) === null ? {} : { group: document.group as string }),
  });
