import type {
  AbortCause,
  BodyOutcome,
  Cause,
  Data,
  Fence,
  Millis,
  Owner,
  Progress,
  TaskError,
  TaskSpec,
  Subscriber,
  Successor,
  UserId,
} from './task.ts';

/** Facts, past tense. `evolve` folds them into the record; nothing else changes one. */
export type TaskEvent =
  | {
      readonly kind: 'submitted';
      readonly at: Millis;
      readonly by: Cause;
      readonly spec: TaskSpec;
      readonly subscribers: readonly Subscriber[];
      readonly createdAt: Millis;
      readonly dedupeCount?: number;
      readonly why?: string;
      /** What waits behind it from the start. */
      readonly successor?: Successor;
    }
  | { readonly kind: 'joined'; readonly at: Millis; readonly user?: UserId }
  /** The task, which has not begun, has these arguments and options in place of its own. */
  | { readonly kind: 'replaced'; readonly at: Millis; readonly spec: TaskSpec; readonly user?: UserId }
  | { readonly kind: 'unsubscribed'; readonly at: Millis; readonly user: UserId }
  | {
      readonly kind: 'successor-queued';
      readonly at: Millis;
      readonly spec: TaskSpec;
      readonly user?: UserId;
      readonly subscribers?: readonly Subscriber[];
    }
  | { readonly kind: 'successor-joined'; readonly at: Millis; readonly user?: UserId }
  | { readonly kind: 'successor-replaced'; readonly at: Millis; readonly spec: TaskSpec; readonly user?: UserId }
  | { readonly kind: 'successor-unsubscribed'; readonly at: Millis; readonly user: UserId }
  | { readonly kind: 'successor-cancelled'; readonly at: Millis; readonly by: Cause }
  /** Those that were cancelled stand no longer in this record. */
  | { readonly kind: 'successors-released'; readonly at: Millis }
  | {
      readonly kind: 'claimed';
      readonly at: Millis;
      readonly owner: Owner;
      readonly attempt: number;
      readonly trace?: string;
    }
  | { readonly kind: 'made-abortable'; readonly at: Millis }
  | {
      readonly kind: 'progressed';
      readonly at: Millis;
      readonly progress?: Progress;
      readonly payload?: Data;
    }
  | {
      readonly kind: 'finishing-began';
      readonly at: Millis;
      readonly outcome?: BodyOutcome & { readonly fence: Fence };
    }
  | { readonly kind: 'abort-requested'; readonly at: Millis; readonly by: Cause; readonly cause: AbortCause }
  | {
      readonly kind: 'abort-observed';
      readonly at: Millis;
      readonly deliveredAt: Millis;
      readonly observedAt: Millis;
    }
  | { readonly kind: 'timeout-unenforced'; readonly at: Millis }
  | { readonly kind: 'stopping-overdue'; readonly at: Millis }
  | {
      readonly kind: 'succeeded';
      readonly at: Millis;
      readonly by: Cause;
      readonly result?: Data;
      readonly why?: string;
    }
  | {
      readonly kind: 'failed';
      readonly at: Millis;
      readonly by: Cause;
      readonly error: TaskError;
      readonly why?: string;
      /** The body itself failed, which counts as one of its failures (behaviour R2). */
      readonly bodyFailed?: true;
    }
  | {
      readonly kind: 'stopped';
      readonly at: Millis;
      readonly by: Cause;
      readonly cause: AbortCause;
      readonly forced?: true;
      readonly why?: string;
    }
  | {
      readonly kind: 'retry-scheduled';
      readonly at: Millis;
      readonly by: Cause;
      readonly runAt: Millis;
      readonly error: TaskError;
      readonly why?: string;
    }
  | { readonly kind: 'rescued'; readonly at: Millis; readonly by: Cause; readonly why: string }
  /** The process of an inline call died before it had begun: any worker may run it now. */
  | { readonly kind: 'host-lost'; readonly at: Millis }
  | { readonly kind: 'given-back'; readonly at: Millis; readonly by: Cause; readonly why: string }
  | { readonly kind: 'archived'; readonly at: Millis };
