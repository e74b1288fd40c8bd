import type { Tags } from './tags.ts';
import type {
  AbortCause,
  BodyOutcome,
  Cause,
  Child,
  Data,
  Dependency,
  Fence,
  Millis,
  Owner,
  Priority,
  Progress,
  SignalEntry,
  StepEntry,
  TaskError,
  TaskId,
  TaskSpec,
  Subscriber,
  Successor,
  UserId,
  Waiting,
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
  | { readonly kind: 'successor-cancelled'; readonly at: Millis; readonly by: Cause; readonly why?: string }
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
      readonly tags?: Tags;
    }
  /** The run that is under way has this span. */
  | { readonly kind: 'run-traced'; readonly at: Millis; readonly trace: string }
  | {
      readonly kind: 'finishing-began';
      readonly at: Millis;
      readonly outcome?: BodyOutcome & { readonly fence: Fence };
    }
  | {
      readonly kind: 'abort-requested';
      readonly at: Millis;
      readonly by: Cause;
      readonly cause: AbortCause;
      /** The cause, where that says all. */
      readonly why?: string;
    }
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
  | { readonly kind: 'signalled'; readonly at: Millis; readonly entry: Extract<SignalEntry, { id: string }> }
  /** The run has ended and the task waits; `until`: absent where what it waited for is there by now. */
  | {
      readonly kind: 'suspended';
      readonly at: Millis;
      readonly by: Cause;
      readonly waiting: Waiting;
      readonly until?: Millis;
    }
  | { readonly kind: 'step-kept'; readonly at: Millis; readonly entry: StepEntry }
  /** Absent: it has none any more. */
  | { readonly kind: 'cancel-handle-set'; readonly at: Millis; readonly data?: Uint8Array }
  /** Its worker died: this one runs its canceller. */
  | { readonly kind: 'canceller-begun'; readonly at: Millis; readonly owner: Owner }
  | { readonly kind: 'given-back'; readonly at: Millis; readonly by: Cause; readonly why: string }
  /** What it waits for, with the ends that are known now. */
  | { readonly kind: 'ends-noted'; readonly at: Millis; readonly dependsOn: readonly Dependency[] }
  | { readonly kind: 'successor-ends-noted'; readonly at: Millis; readonly dependsOn: readonly Dependency[] }
  /** Of the task of that id, or of the one that waits behind it. */
  | { readonly kind: 'priority-changed'; readonly at: Millis; readonly id: TaskId; readonly priority: Priority }
  /** Likewise. */
  | { readonly kind: 'end-awaited'; readonly at: Millis; readonly id: TaskId }
  /** All of its children, with those that are new, or with what is known now of some. */
  | { readonly kind: 'children-changed'; readonly at: Millis; readonly children: readonly Child[] }
  /** Its parent has ended well. */
  | { readonly kind: 'parent-over'; readonly at: Millis }
  | { readonly kind: 'archived'; readonly at: Millis };
