import type { Task } from '../task/task.ts';

/** The one dialog that is open. */
export type DialogRequest =
  | { readonly kind: 'cancel'; readonly task: Task }
  | { readonly kind: 'retry'; readonly task: Task }
  | { readonly kind: 'schedule'; readonly type?: string }
  | { readonly kind: 'shortcuts' };
