import type { Former } from './retry-ended.ts';
import type {
  BodyOutcome,
  Cause,
  Data,
  Fence,
  Millis,
  Progress,
  TaskError,
  TaskId,
  TaskSpec,
  TraceContext,
  UserId,
} from './task.ts';

/** Who asks. An absent user is a service without one. */
export type Actor = { readonly user?: UserId; readonly admin: boolean };

export type WhenAborting = 'queue' | 'join' | 'reject';

/** What a submit does where its key has a task already (behaviour Q10). Times are milliseconds. */
export type SubmitMode =
  /** `replace` and `coalesce` see to it that a run begins after this submit, with its arguments or with the waiting ones'. */
  | { readonly kind: 'join' | 'reject' | 'replace' | 'coalesce' }
  /** The start is put off by a window from now, and no longer than `maxWaitMs` from the first submit on. */
  | { readonly kind: 'debounce'; readonly windowMs: Millis; readonly maxWaitMs: Millis }
  /** At most one task of the key is made in a window. */
  | { readonly kind: 'throttle'; readonly windowMs: Millis };

/** Commands of whoever submits and cancels tasks. */
export type ClientCommand =
  | {
      readonly kind: 'submit';
      readonly at: Millis;
      readonly actor: Actor;
      readonly spec: TaskSpec;
      readonly whenAborting: WhenAborting;
      /** `join` when not set. */
      readonly mode?: SubmitMode;
    }
  | {
      readonly kind: 'retry';
      readonly at: Millis;
      readonly actor: Actor;
      readonly former: Former;
      /** Of the new task. */
      readonly id: TaskId;
      /** Those of the former one, where the new one can rely on them. */
      readonly args?: Data;
      readonly whenAborting: WhenAborting;
      /** Of who asks for it now. */
      readonly trace?: TraceContext;
    }
  | {
      readonly kind: 'cancel';
      readonly at: Millis;
      readonly actor: Actor;
      readonly id: TaskId;
      readonly force: boolean;
    };

/** Commands of a worker about a task it wants or owns. All but `claim` show the fence they were given. */
export type WorkerCommand =
  | {
      readonly kind: 'claim';
      readonly at: Millis;
      readonly id: TaskId;
      readonly worker: string;
      readonly epoch: number;
      /** Revision of the record this claim is decided on; becomes the fence. */
      readonly revision: number;
      /** Revision the offer was made for: a delayed task is due only by an offer of its own revision. */
      readonly offered: number;
      /** `traceparent` of the span of the run it begins, where that is traced. */
      readonly trace?: string;
      /** In that revision and no other: whoever offered it counts what runs (behaviour Q5). */
      readonly exact?: true;
    }
  | { readonly kind: 'make-abortable'; readonly at: Millis; readonly fence: Fence }
  | {
      readonly kind: 'progress';
      readonly at: Millis;
      readonly fence: Fence;
      readonly progress?: Progress;
      readonly payload?: Data;
    }
  | {
      readonly kind: 'mark-finishing';
      readonly at: Millis;
      readonly fence: Fence;
      /** What the body came to; may be told in a second one, where a large result is put away first. */
      readonly body?: BodyOutcome;
    }
  | {
      readonly kind: 'observe-abort';
      readonly at: Millis;
      readonly fence: Fence;
      readonly deliveredAt: Millis;
      readonly observedAt: Millis;
    }
  | {
      readonly kind: 'finish';
      readonly at: Millis;
      readonly fence: Fence;
      readonly body: BodyOutcome;
      /** Failures of abort and cleanup handlers, in the order run. */
      readonly handlerErrors: readonly TaskError[];
      /** The abort handlers have run (or there are none to run). */
      readonly abortHandled: boolean;
      /** 0 up to 1, for the spread of a retry delay. */
      readonly random: number;
      /** The body was ended by force. */
      readonly forced?: true;
    }
  | {
      readonly kind: 'give-back';
      readonly at: Millis;
      readonly fence: Fence;
      readonly why: string;
      /** The worker ends, and not because it was asked to: counted as a rescue (behaviour R10). */
      readonly abnormal?: true;
    };

/** Commands of a supervisor. They name the run they speak about, so that a late one touches no other run. */
export type SupervisorCommand =
  | { readonly kind: 'time-out'; readonly at: Millis; readonly by: Cause; readonly fence: Fence }
  | { readonly kind: 'mark-not-stopping'; readonly at: Millis; readonly by: Cause; readonly fence: Fence }
  | {
      readonly kind: 'rescue';
      readonly at: Millis;
      readonly by: Cause;
      readonly id: TaskId;
      readonly worker: string;
      /** The run that is given up; a later run of the same worker is not touched. Absent where none had begun. */
      readonly fence?: Fence;
    }
  | { readonly kind: 'promote'; readonly at: Millis; readonly by: Cause; readonly id: TaskId }
  /** It was not started by the time it was to be started by (behaviour Q11). */
  | { readonly kind: 'expire'; readonly at: Millis; readonly by: Cause; readonly id: TaskId }
  /** Lets go of the successors that were cancelled; what became of them is kept elsewhere. */
  | { readonly kind: 'release-successors'; readonly at: Millis }
  | { readonly kind: 'archive'; readonly at: Millis; readonly id: TaskId };

export type Command = ClientCommand | WorkerCommand | SupervisorCommand;

/** What an accepted command answers to its sender. */
export type Answer =
  | { readonly kind: 'done' }
  | { readonly kind: 'created'; readonly id: TaskId }
  /** `differs`: the joiner's arguments or options are not those of the task he joined. */
  | { readonly kind: 'joined'; readonly id: TaskId; readonly differs: boolean }
  /** The task that waits has the arguments and options of this submit now; `debounced`: and starts later. */
  | { readonly kind: 'replaced' | 'debounced'; readonly id: TaskId }
  /** Nothing was made: this task of the key was, in the same window. */
  | { readonly kind: 'throttled'; readonly id: TaskId }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'unsubscribed' };

/** What became of a submit, as every door says it. */
export type SubmitOutcome = 'created' | 'joined' | 'replaced' | 'debounced' | 'throttled';

export const SUBMIT_OUTCOMES = [
  'created',
  'joined',
  'replaced',
  'debounced',
  'throttled',
] as const satisfies readonly SubmitOutcome[];

/** Why a command was not accepted. Normal in a distributed system: a value, not an exception. */
export type RefusalReason =
  /** No such task, or not one this actor may see. */
  | 'not_found'
  /** The fence shown is not the one the task is owned under: somebody else has it, or it has ended. */
  | 'fenced'
  /** The task is not in a state the command applies to. */
  | 'not_running'
  /** The task is not waiting for a worker. */
  | 'not_pending'
  /** The task waits for its start time and this offer is not for it. */
  | 'not_due'
  /** An abort came first; abort handlers have to run before the task may end. */
  | 'aborting'
  /** Already terminal, or its body has returned. */
  | 'too_late'
  | 'not_abortable'
  /** `force` by somebody who is not an admin. */
  | 'force_forbidden'
  /** An admin who is no subscriber has to force a task that others wait for. */
  | 'force_required'
  /** It runs or waits still: there is nothing to retry. */
  | 'not_ended'
  /** Submitting a system task takes an admin. */
  | 'admin_required'
  /** A task of the key is active, and the submitter chose to be refused then. */
  | 'active'
  /** A task of the key, which this actor may not see, was made in the same window. */
  | 'throttled'
  /** What is left in the record is kept for the task's own way to its end. */
  | 'record_full';

export type Refusal = { readonly reason: RefusalReason };

export const ALL_REFUSAL_REASONS: readonly RefusalReason[] = [
  'not_found',
  'fenced',
  'not_running',
  'not_pending',
  'not_due',
  'aborting',
  'too_late',
  'not_abortable',
  'force_forbidden',
  'force_required',
  'not_ended',
  'admin_required',
  'active',
  'throttled',
  'record_full',
];
