import type { QueueSet } from '../api/queues.ts';
import type { Operation } from '../bulk/order.ts';
import type { ListQuery } from '../list/query.ts';
import type { Task } from '../task/task.ts';

/** The one dialog that is open. */
export type DialogRequest =
  | { readonly kind: 'cancel'; readonly task: Task }
  | { readonly kind: 'retry'; readonly task: Task }
  | { readonly kind: 'queue'; readonly set: QueueSet; readonly onChanged: () => void }
  | { readonly kind: 'signal'; readonly task: Task }
  | { readonly kind: 'bulk'; readonly operation: Operation; readonly query: ListQuery }
  | { readonly kind: 'schedule'; readonly type?: string }
  | { readonly kind: 'shortcuts' };
