import { canOpen, canSubmit } from './access.ts';
import type { ClientCommand, SubmitMode } from './command.ts';
import { accept, byUser, refuse, type Decision } from './decision.ts';
import { sameDependencies, verdictOnDependencies, waitsFor } from './dependency.ts';
import type { TaskEvent } from './event.ts';
import { EXPIRED, isExpired } from './expiry.ts';
import { hasTags } from './tags.ts';
import { liveSuccessorOf, SUCCESSOR_LIMIT, successorsOf } from './successors.ts';
import { hasBegun, latestFor, putOff, specFor, takesTheRunning, withoutHost } from './submit-mode.ts';
import {
  isTerminal,
  type Cause,
  type Data,
  type Millis,
  type Subscriber,
  type Successor,
  type TaskRecord,
  type TaskSpec,
} from './task.ts';

type Submit = Extract<ClientCommand, { kind: 'submit' }>;

/** A submit, by who waits for it or, with `subscribers`, on behalf of these. */
export type Submission = Omit<Submit, 'kind'> & {
  readonly why?: string;
  readonly subscribers?: readonly Subscriber[];
};

/**
 * One unfinished task per key (behaviour D). Comes to what is active, as its mode says (behaviour Q10); makes a new task
 * where the last one has ended; and while the last one is aborting does what the submitter chose.
 */
export const decideSubmit = (record: TaskRecord | undefined, command: Submit): Decision =>
  submitAs(record, command, byUser(command.actor.user));

export const submitAs = (record: TaskRecord | undefined, command: Submission, by: Cause): Decision => {
  const decision = comeOrCreate(record, command, by);
  if (command.spec.dependsOn === undefined || !decision.ok) return decision;
  const { answer } = decision;
  const isAnother = answer.kind !== 'created' && 'id' in answer;
  return isAnother && waitsFor(command.spec, answer.id) ? refuse('waits_for_itself') : decision;
};

const comeOrCreate = (record: TaskRecord | undefined, command: Submission, by: Cause): Decision => {
  const { spec, actor, at, mode = JOIN } = command;
  const waiting = successorsOf(record);
  if (!canSubmit(spec.scope, actor)) return refuse('admin_required');
  if (record?.id === spec.id || waiting.some((s) => s.spec.id === spec.id))
    return accept({ kind: 'created', id: spec.id });
  const last = liveSuccessorOf(record);
  const live = last !== undefined && isExpired(last.spec, at) ? undefined : last;
  const isActive = record !== undefined && !isTerminal(record.status);
  if (mode.kind === 'reject' && (isActive || live !== undefined)) return refuse('active');
  // Behind one that runs on, only who wants a run that begins later comes to what waits.
  const isRunningOn = isActive && record.status !== 'aborting';
  if (live !== undefined && !(isRunningOn && takesTheRunning(mode))) return comeToSuccessor(live, command);
  if (isRunningOn) return comeTo(record, command);
  if (mode.kind === 'throttle' && record?.throttledUntil !== undefined && at < record.throttledUntil) {
    return canOpen(record, actor) ? accept({ kind: 'throttled', id: record.id }) : refuse('throttled');
  }
  if (isActive) return submitWhileAborting(record, command);
  // Only cancelled ones wait: their outcomes are written first, then it is this one's turn.
  return record !== undefined && waiting.length > 0 ? queue(record, command) : create(record, command, by);
};

const JOIN: SubmitMode = { kind: 'join' };

const create = (record: TaskRecord | undefined, command: Submission, by: Cause): Decision => {
  const { actor, at, why } = command;
  const subscribers = command.subscribers ?? (actor.user === undefined ? [] : [{ user: actor.user, at }]);
  const spec = stillThrottled(specFor(command), record, at);
  const submitted: TaskEvent =
    why === undefined
      ? { kind: 'submitted', at, by, spec, subscribers, createdAt: at }
      : { kind: 'submitted', at, by, spec, subscribers, createdAt: at, why };
  return accept({ kind: 'created', id: spec.id }, submitted, ...verdictOnDependencies(spec, at, by));
};

/** A submit of another mode makes a task at any time; the window it was made in goes on. */
const stillThrottled = (spec: TaskSpec, record: TaskRecord | undefined, at: Millis): TaskSpec =>
  record?.throttledUntil === undefined || record.throttledUntil <= at || spec.throttledUntil !== undefined
    ? spec
    : { ...spec, throttledUntil: record.throttledUntil };

const submitWhileAborting = (record: TaskRecord, command: Submission): Decision => {
  switch (command.whenAborting) {
    case 'join':
      return join(record, command);
    case 'reject':
      return refuse('aborting');
    case 'queue':
      return queue(record, command);
  }
};

/** To a task that waits or runs, and is not being aborted. */
const comeTo = (record: TaskRecord, command: Submission): Decision => {
  const { mode = JOIN } = command;
  if (takesTheRunning(mode)) return join(record, command);
  if (hasBegun(record)) return queue(record, command);
  return come(command, record, record, 'joined', 'replaced');
};

const comeToSuccessor = ({ spec, createdAt }: Successor, command: Submission): Decision =>
  come(command, spec, { createdAt }, 'successor-joined', 'successor-replaced');

/** To one that has not begun. */
const come = (
  command: Submission,
  task: TaskSpec,
  { createdAt }: { readonly createdAt: Millis },
  joined: 'joined' | 'successor-joined',
  replaced: 'replaced' | 'successor-replaced',
): Decision => {
  const { at, mode = JOIN } = command;
  const { id } = task;
  switch (mode.kind) {
    case 'join':
    case 'reject':
    case 'coalesce':
    case 'throttle':
      return accept(
        { kind: 'joined', id, differs: differs(task, command.spec) },
        { kind: joined, at, ...userOf(command) },
      );
    case 'replace':
      return accept({ kind: 'replaced', id }, { kind: replaced, at, spec: command.spec, ...userOf(command) });
    case 'debounce': {
      const spec = putOff(command.spec, at, mode.windowMs, latestFor(task, createdAt + mode.maxWaitMs));
      return accept({ kind: 'debounced', id }, { kind: replaced, at, spec, ...userOf(command) });
    }
  }
};

const queue = (record: TaskRecord, command: Submission): Decision => {
  const { at } = command;
  // Mostly they are released before there are so many.
  const released: readonly TaskEvent[] =
    successorsOf(record).length < SUCCESSOR_LIMIT ? [] : [{ kind: 'successors-released', at }];
  // The last one would be joined if it were to run. That it is over is said behind the release: it is to be stored first.
  const over: readonly TaskEvent[] =
    liveSuccessorOf(record) === undefined ? [] : [{ kind: 'successor-cancelled', at, by: 'service', why: EXPIRED }];
  return accept({ kind: 'created', id: command.spec.id }, ...released, ...over, {
    kind: 'successor-queued',
    at,
    spec: withoutHost(stillThrottled(specFor(command), record, at)),
    ...userOf(command),
    ...(command.subscribers === undefined ? {} : { subscribers: command.subscribers }),
  });
};

const join = (record: TaskRecord, command: Submission): Decision =>
  accept(
    { kind: 'joined', id: record.id, differs: differs(record, command.spec) },
    { kind: 'joined', at: command.at, ...userOf(command) },
  );

/** Who comes to a task; nobody does where it is submitted on behalf of others. */
const userOf = ({ actor, subscribers }: Submission) =>
  actor.user === undefined || subscribers !== undefined ? {} : { user: actor.user };

/**
 * The first submit's arguments and options stand; the joiner is told when his are others (behaviour D2). A start time is
 * not compared: the same `delay` is another time for every caller, and it is gone once the task has begun. Tags the handler
 * has added are nobody's option.
 */
export const differs = (a: TaskSpec, b: TaskSpec): boolean =>
  !sameData(a.args, b.args) ||
  a.name !== b.name ||
  a.queue !== b.queue ||
  a.priority !== b.priority ||
  a.group !== b.group ||
  a.limitKey !== b.limitKey ||
  a.units !== b.units ||
  !hasTags(a.tags, b.tags) ||
  !samePlain(a.policy, b.policy) ||
  !sameDependencies(a.dependsOn, b.dependsOn);

const sameData = (a: Data | undefined, b: Data | undefined): boolean => {
  if (a === undefined || b === undefined) return a === b;
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) {
    return !(a instanceof Uint8Array) && !(b instanceof Uint8Array) && a.digest === b.digest;
  }
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
};

/** Whether two plain values are alike, in whatever order their fields stand. */
export const samePlain = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const left = Object.entries(a);
  const right = new Map(Object.entries(b));
  return left.length === right.size && left.every(([k, v]) => right.has(k) && samePlain(v, right.get(k)));
};
