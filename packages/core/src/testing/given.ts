import type { Answer, Command, RefusalReason } from '../command.ts';
import { decide, fold } from '../decide.ts';
import type { Decision } from '../decision.ts';
import type { TaskEvent } from '../event.ts';
import { evolve } from '../evolve.ts';
import type { TaskRecord } from '../task.ts';

/**
 * `given(...what happened).when(command)`: for tests only. What happened is told in commands, which have to be accepted,
 * or in events, for what no command leads to.
 */
export type Now = { readonly record: TaskRecord | undefined; readonly revision: number };

/** A function where the command needs to know what it is decided on: a claim its revision, an owner's command its fence. */
export type Step = Command | TaskEvent | ((now: Now) => Command);

export type Outcome = {
  readonly before: TaskRecord | undefined;
  readonly decision: Decision;
  /** The record afterwards; the same object as before when nothing changed. */
  readonly after: TaskRecord | undefined;
  readonly events: readonly TaskEvent[];
  readonly answer: Answer | undefined;
  readonly refusal: RefusalReason | undefined;
  /** Goes on from here. */
  readonly and: Given;
};

export type Given = { readonly now: Now; readonly when: (step: Step) => Outcome };

export const given = (...steps: readonly Step[]): Given => steps.reduce<Given>(happened, standing(NOTHING));

/** Goes on from any record, also one that no command makes. */
export const from = (now: Now): Given => standing(now);

const NOTHING: Now = { record: undefined, revision: 0 };

const standing = (now: Now): Given => ({ now, when: (step) => outcomeOf(now, step) });

const happened = ({ now }: Given, step: Step): Given => {
  const { decision, and } = outcomeOf(now, step);
  if (!decision.ok) throw new Error(`given '${kindOf(step)}', which is refused: ${decision.refusal.reason}`);
  return and;
};

const outcomeOf = (now: Now, step: Step): Outcome => {
  const decision = decisionOf(now, step);
  const events = decision.ok ? decision.events : [];
  const after = decision.ok ? fold(now.record, decision) : now.record;
  return {
    before: now.record,
    decision,
    after,
    events,
    answer: decision.ok ? decision.answer : undefined,
    refusal: decision.ok ? undefined : decision.refusal.reason,
    // One write a turn, and none where nothing changed.
    and: standing({ record: after, revision: now.revision + (events.length > 0 ? 1 : 0) }),
  };
};

const decisionOf = (now: Now, step: Step): Decision => {
  const told = typeof step === 'function' ? step(now) : step;
  if (!isEvent(told)) return decide(now.record, told);
  evolve(now.record, told);
  return { ok: true, events: [told], answer: { kind: 'done' } };
};

const kindOf = (step: Step): string => (typeof step === 'function' ? step.name || 'a command' : step.kind);

/** Every kind there is: the compiler sees to that. */
export const EVENT_KINDS: Readonly<Record<TaskEvent['kind'], true>> = {
  submitted: true,
  joined: true,
  replaced: true,
  unsubscribed: true,
  'successor-queued': true,
  'successor-joined': true,
  'successor-replaced': true,
  'successor-unsubscribed': true,
  'successor-cancelled': true,
  'successors-released': true,
  claimed: true,
  'made-abortable': true,
  progressed: true,
  'run-traced': true,
  'finishing-began': true,
  'abort-requested': true,
  'abort-observed': true,
  'timeout-unenforced': true,
  'stopping-overdue': true,
  succeeded: true,
  failed: true,
  stopped: true,
  'retry-scheduled': true,
  rescued: true,
  'host-lost': true,
  'given-back': true,
  'ends-noted': true,
  'successor-ends-noted': true,
  'priority-changed': true,
  'end-awaited': true,
  signalled: true,
  'step-kept': true,
  'cancel-handle-set': true,
  'canceller-begun': true,
  suspended: true,
  'children-changed': true,
  'parent-over': true,
  archived: true,
};

const isEvent = (told: Command | TaskEvent): told is TaskEvent => Object.hasOwn(EVENT_KINDS, told.kind);
