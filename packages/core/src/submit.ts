import { canSubmit } from './access.ts';
import type { ClientCommand } from './command.ts';
import { accept, byUser, refuse, type Decision } from './decision.ts';
import type { TaskEvent } from './event.ts';
import { liveSuccessorOf, SUCCESSOR_LIMIT, successorsOf } from './successors.ts';
import { isTerminal, type Cause, type Data, type Subscriber, type TaskRecord, type TaskSpec } from './task.ts';

type Submit = Extract<ClientCommand, { kind: 'submit' }>;

/** A submit, by who waits for it or, with `subscribers`, on behalf of these. */
export type Submission = Omit<Submit, 'kind'> & {
  readonly why?: string;
  readonly subscribers?: readonly Subscriber[];
};

/**
 * One unfinished task per key (behaviour D). Joins what is active; makes a new task where the last one has ended; and
 * while the last one is aborting does what the submitter chose.
 */
export const decideSubmit = (record: TaskRecord | undefined, command: Submit): Decision =>
  submitAs(record, command, byUser(command.actor.user));

export const submitAs = (record: TaskRecord | undefined, command: Submission, by: Cause): Decision => {
  const { spec, actor, at, why } = command;
  const waiting = successorsOf(record);
  if (!canSubmit(spec.scope, actor)) return refuse('admin_required');
  if (record?.id === spec.id || waiting.some((s) => s.spec.id === spec.id))
    return accept({ kind: 'created', id: spec.id });
  const live = liveSuccessorOf(record);
  if (live !== undefined) return joinSuccessor(live.spec, command);
  // Only cancelled ones wait: their outcomes are written first, then it is this one's turn.
  if (record !== undefined && isTerminal(record.status) && waiting.length > 0) return queue(waiting.length, command);
  if (record === undefined || isTerminal(record.status)) {
    const subscribers = command.subscribers ?? (actor.user === undefined ? [] : [{ user: actor.user, at }]);
    return accept(
      { kind: 'created', id: spec.id },
      why === undefined
        ? { kind: 'submitted', at, by, spec, subscribers, createdAt: at }
        : { kind: 'submitted', at, by, spec, subscribers, createdAt: at, why },
    );
  }
  return record.status === 'aborting' ? submitWhileAborting(record, command) : join(record, command);
};

const submitWhileAborting = (record: TaskRecord, command: Submission): Decision => {
  switch (command.whenAborting) {
    case 'join':
      return join(record, command);
    case 'reject':
      return refuse('aborting');
    case 'queue':
      return queue(successorsOf(record).length, command);
  }
};

const queue = (waiting: number, command: Submission): Decision => {
  // Mostly they are released before there are so many. The last one is not alive, or it would be joined.
  const released: readonly TaskEvent[] =
    waiting < SUCCESSOR_LIMIT ? [] : [{ kind: 'successors-released', at: command.at }];
  return accept({ kind: 'created', id: command.spec.id }, ...released, {
    kind: 'successor-queued',
    at: command.at,
    spec: command.spec,
    ...userOf(command),
    ...(command.subscribers === undefined ? {} : { subscribers: command.subscribers }),
  });
};

const join = (record: TaskRecord, command: Submission): Decision =>
  accept(
    { kind: 'joined', id: record.id, differs: differs(record, command.spec) },
    { kind: 'joined', at: command.at, ...userOf(command) },
  );

const joinSuccessor = (spec: TaskSpec, command: Submission): Decision =>
  accept(
    { kind: 'joined', id: spec.id, differs: differs(spec, command.spec) },
    { kind: 'successor-joined', at: command.at, ...userOf(command) },
  );

/** Who comes to a task; nobody does where it is submitted on behalf of others. */
const userOf = ({ actor, subscribers }: Submission) =>
  actor.user === undefined || subscribers !== undefined ? {} : { user: actor.user };

/**
 * The first submit's arguments and options stand; the joiner is told when his are others (behaviour D2). A start time is
 * not compared: the same `delay` is another time for every caller, and it is gone once the task has begun.
 */
export const differs = (a: TaskSpec, b: TaskSpec): boolean =>
  !sameData(a.args, b.args) ||
  a.name !== b.name ||
  a.queue !== b.queue ||
  a.priority !== b.priority ||
  !samePlain(a.policy, b.policy);

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
