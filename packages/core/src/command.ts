import type { Actor } from './actor.ts';
import type { Former } from './former.ts';
import type { Tags } from './tags.ts';
import type {
  BodyOutcome,
  Cause,
  Child,
  Data,
  Fence,
  Millis,
  NotedEnd,
  Parent,
  Priority,
  Progress,
  Status,
  Subscriber,
  TaskError,
  TaskId,
  TaskSpec,
  TraceContext,
} from './task.ts';

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
      /** Of what may ask for it again, and is to get the same task: a hash that names it. */
      readonly operation?: string;
    }
  | {
      readonly kind: 'cancel';
      readonly at: Millis;
      readonly actor: Actor;
      readonly id: TaskId;
      readonly force: boolean;
      /** Of which it is a part, for the history. */
      readonly why?: string;
      /** Not where it is in another state than these by now. */
      readonly whenStatus?: readonly Status[];
      /** Of a shared one: not where this actor waits for it no more. Where he has left it before, nothing is done again. */
      readonly whenSubscribed?: true;
    }
  | {
      readonly kind: 'change-priority';
      readonly at: Millis;
      readonly actor: Actor;
      readonly id: TaskId;
      readonly priority: Priority;
    }
  | {
      readonly kind: 'signal';
      readonly at: Millis;
      readonly actor: Actor;
      readonly id: TaskId;
      /** Of the signal: sent again under the same one it is the same. */
      readonly signal: string;
      readonly name: string;
      readonly data?: Uint8Array;
    }
  /** By the handler of its parent, which the spec names; for who waits for that (behaviour G3). */
  | {
      readonly kind: 'spawn';
      readonly at: Millis;
      readonly spec: TaskSpec & { readonly parent: Parent };
      readonly subscribers: readonly Subscriber[];
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
      /** `traceparent` of the span of the run it begins, where that is traced; or of the one before, until that is told. */
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
      /** All it has from now on. */
      readonly tags?: Tags;
      /** `traceparent` of the span of the run, where the claim could not say it: a worker that writes no records tells it later. */
      readonly trace?: string;
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
      readonly trace?: string;
    }
  /** The body waits for a signal: the run ends, and another one goes on when it is there, or the wait is over (behaviour G4). */
  | {
      readonly kind: 'suspend';
      readonly at: Millis;
      readonly fence: Fence;
      readonly name: string;
      /** Which of its waits for that name, from 1. */
      readonly number: number;
      readonly timeoutMs: Millis;
      /** Its cleanup handlers have run: it ends, also where the signal is there by now. */
      readonly isOver: boolean;
      readonly trace?: string;
    }
  /** A step of the body is done, and stands from now on (behaviour G6). */
  | {
      readonly kind: 'keep-step';
      readonly at: Millis;
      readonly fence: Fence;
      readonly name: string;
      readonly result?: Data;
    }
  /** What its canceller is to be given when its worker dies; absent: nothing, from now on (behaviour G7). */
  | { readonly kind: 'set-cancel-handle'; readonly at: Millis; readonly fence: Fence; readonly data?: Uint8Array }
  /** The canceller of a run whose worker died has ended, or has failed for good. */
  | { readonly kind: 'end-cancelling'; readonly at: Millis; readonly fence: Fence; readonly error?: TaskError }
  /** Its handler has spawned these. */
  | {
      readonly kind: 'adopt';
      readonly at: Millis;
      readonly fence: Fence;
      readonly children: readonly Child[];
    }
  /** The same for children that are to end: all of them, or one that fails, where `onFailure` does not say otherwise. */
  | {
      readonly kind: 'await-children';
      readonly at: Millis;
      readonly fence: Fence;
      readonly children: readonly TaskId[];
      /** Which of its waits for children, from 1. */
      readonly number: number;
      readonly onFailure?: 'continue';
      readonly timeoutMs: number;
      readonly isOver: boolean;
    }
  | {
      readonly kind: 'give-back';
      readonly at: Millis;
      readonly fence: Fence;
      readonly why: string;
      /** The worker ends, and not because it was asked to: counted as a rescue (behaviour R10). */
      readonly abnormal?: true;
      /** The body runs on. */
      readonly isRunning?: true;
      readonly trace?: string;
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
      /** Who is to run its canceller, where it has a handle; `none`: nobody can. Absent: nobody is there now. */
      readonly canceller?: { readonly worker: string; readonly fence: Fence } | 'none';
    }
  | { readonly kind: 'promote'; readonly at: Millis; readonly by: Cause; readonly id: TaskId }
  /** It was not started by the time it was to be started by (behaviour Q11). */
  | { readonly kind: 'expire'; readonly at: Millis; readonly by: Cause; readonly id: TaskId }
  /** Its group or key is full, and another one is to run (behaviour Q7). `fence`: of the run that is to end; absent: it waits. */
  | {
      readonly kind: 'displace';
      readonly at: Millis;
      readonly by: Cause;
      readonly id: TaskId;
      readonly fence?: Fence;
      readonly why: string;
    }
  /** Lets go of the successors that were cancelled; what became of them is kept elsewhere. */
  | { readonly kind: 'release-successors'; readonly at: Millis }
  /** Tasks that the task of that id waits for have ended (behaviour G1). */
  | {
      readonly kind: 'note-ends';
      readonly at: Millis;
      readonly by: Cause;
      readonly id: TaskId;
      readonly ends: readonly { readonly id: TaskId; readonly end: NotedEnd }[];
    }
  /** A task is going to be made that waits for the end of the one of that id; on behalf of whoever makes it. */
  | { readonly kind: 'await-end'; readonly at: Millis; readonly id: TaskId; readonly actor: Actor }
  /** What is known now of children of the task of that id; `adopted`: one it did not know of (behaviour G3). */
  | {
      readonly kind: 'note-children';
      readonly at: Millis;
      readonly id: TaskId;
      readonly ends: readonly { readonly id: TaskId; readonly end: NotedEnd }[];
      readonly shares: readonly { readonly id: TaskId; readonly share: number }[];
      readonly adopted?: Child;
    }
  /** The parent of the task of that id is being aborted, has ended, or nobody can tell any more. */
  | {
      readonly kind: 'parent-ended';
      readonly at: Millis;
      readonly id: TaskId;
      readonly parent: TaskId;
      readonly how: NotedEnd['status'] | 'aborting';
    }
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
  | { readonly kind: 'unsubscribed' }
  /** Of a signal: the task waited for it and goes on, or it is kept until it does. */
  | { readonly kind: 'delivered' | 'kept' };

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
  /** It would wait for itself: the task it comes to is one of those it is to wait for. */
  | 'waits_for_itself'
  /** What it waited for did not succeed, and will not: there is nothing to repeat. */
  | 'dependency_failed'
  /** Others wait for it, too: an admin's. */
  | 'not_alone'
  /** It has begun: what orders the line of those that wait says nothing of it any more. */
  | 'begun'
  /** It is in another state than the one it was to be cancelled in. */
  | 'other_status'
  /** It is over, or on its way there: it takes no signal any more. */
  | 'ended'
  /** It waits behind another task of its key, and has no record yet. */
  | 'behind'
  /** As many signals and waits as one task may have. */
  | 'signals_full'
  /** It has a cancel handle, and nobody was named who runs its canceller. */
  | 'no_canceller'
  /** As many steps as one task may have. */
  | 'steps_full'
  /** As many children as one task may have. */
  | 'children_full'
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
  'waits_for_itself',
  'dependency_failed',
  'not_alone',
  'begun',
  'other_status',
  'ended',
  'behind',
  'signals_full',
  'no_canceller',
  'steps_full',
  'children_full',
  'record_full',
];
