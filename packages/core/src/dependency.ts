import type { SupervisorCommand } from './command.ts';
import { canOpen } from './access.ts';
import { done, refuse, type Decision } from './decision.ts';
import type { TaskEvent } from './event.ts';
import { successorsOf } from './successors.ts';
import type { Cause, Dependency, Millis, NotedEnd, TaskId, TaskRecord, TaskSpec } from './task.ts';

type Note = Extract<SupervisorCommand, { kind: 'note-ends' }>;
type Await = Extract<SupervisorCommand, { kind: 'await-end' }>;

/** Most tasks one may wait for. */
export const DEPENDENCIES_LIMIT = 100;

/** Tasks it waits for that have not ended, as far as its record knows. */
export const openDependencies = ({ dependsOn = NONE }: Pick<TaskSpec, 'dependsOn'>): readonly Dependency[] =>
  dependsOn.filter(({ end }) => end === undefined);

const NONE: readonly Dependency[] = [];

/** It may not begin: something it waits for has not ended (behaviour G1). */
export const isBlocked = ({ dependsOn }: Pick<TaskSpec, 'dependsOn'>): boolean =>
  dependsOn !== undefined && dependsOn.some(({ end }) => end === undefined);

/** The first of them whose end does not let the task begin. */
export const failedDependency = ({ dependsOn = NONE }: Pick<TaskSpec, 'dependsOn'>): Dependency | undefined =>
  dependsOn.find(({ end, onFailure }) => onFailure === undefined && end !== undefined && end.status !== 'success');

/** What becomes at once of a task with these dependencies: nothing, or its end (behaviour G2). */
export const verdictOnDependencies = (
  spec: Pick<TaskSpec, 'dependsOn'>,
  at: Millis,
  by: Cause,
): readonly TaskEvent[] => {
  if (spec.dependsOn === undefined) return NO_EVENTS;
  const failed = failedDependency(spec);
  return failed === undefined ? NO_EVENTS : [failure(failed, at, by)];
};

const NO_EVENTS: readonly TaskEvent[] = [];

const failure = ({ id, end }: Dependency, at: Millis, by: Cause): TaskEvent => {
  const lost = end?.status === 'gone' ? ': nothing is known of it any more' : '';
  const message = `Prerequisite task ${id} did not succeed (status=${end?.status})${lost}`;
  return { kind: 'failed', at, by, error: { message, type: 'DependencyFailedError' }, why: 'dependency_failed' };
};

type Edge = Pick<Dependency, 'id' | 'onFailure'>;

/** The edges alone: what is waited for, and what its failure means. */
export const sameDependencies = (a: readonly Edge[] = NONE, b: readonly Edge[] = NONE): boolean => {
  if (a.length !== b.length) return false;
  const known = new Map(a.map(({ id, onFailure }) => [id, onFailure]));
  return b.every(({ id, onFailure }) => known.has(id) && known.get(id) === onFailure);
};

/**
 * Whether `id` is among what `spec` waits for. A submit that comes to such a task would wait for itself: the one way to a
 * cycle there is, since what is waited for is named by its id, so it was there before (decision 0031).
 */
export const waitsFor = ({ dependsOn = NONE }: Pick<TaskSpec, 'dependsOn'>, id: TaskId): boolean =>
  dependsOn.some((dependency) => dependency.id === id);

/**
 * Notes how tasks have ended that this one waits for. The last of them lets it begin; one whose failure it cannot do without
 * ends it. What is noted stands: ends are final. Of one that waits behind another task of its key they are noted only.
 */
export const decideNoteEnds = (record: TaskRecord | undefined, { at, by, id, ends }: Note): Decision => {
  if (record === undefined) return refuse('not_found');
  if (record.id !== id) return noteOfSuccessor(record, { at, id, ends });
  if (record.status !== 'pending' || record.dependsOn === undefined) return refuse('not_pending');
  const dependsOn = withEnds(record.dependsOn, ends);
  if (dependsOn === undefined) return done();
  return done({ kind: 'ends-noted', at, dependsOn }, ...verdictOnDependencies({ dependsOn }, at, by));
};

const noteOfSuccessor = (record: TaskRecord, { at, id, ends }: Pick<Note, 'at' | 'id' | 'ends'>): Decision => {
  const last = successorsOf(record).at(-1);
  if (last === undefined || last.spec.id !== id) return refuse('not_found');
  if (last.cancelled !== undefined || last.spec.dependsOn === undefined) return refuse('not_pending');
  const dependsOn = withEnds(last.spec.dependsOn, ends);
  return dependsOn === undefined ? done() : done({ kind: 'successor-ends-noted', at, dependsOn });
};

/** Undefined: nothing new is among them. */
const withEnds = (
  dependsOn: readonly Dependency[],
  ends: readonly { readonly id: TaskId; readonly end: NotedEnd }[],
): readonly Dependency[] | undefined => {
  const byId = new Map(ends.map(({ id, end }) => [id, end]));
  if (!dependsOn.some(({ id, end }) => end === undefined && byId.has(id))) return undefined;
  return dependsOn.map((one) => {
    const end = one.end ?? byId.get(one.id);
    return end === undefined ? one : { ...one, end };
  });
};

/**
 * Somebody is going to wait for the end of this task: what becomes of it is kept longer from now on, so that a supervisor
 * that was away finds it. Once it has ended there is nothing to mark: whoever asks is told what it came to.
 */
export const decideAwaitEnd = (record: TaskRecord | undefined, { at, id, actor }: Await): Decision => {
  if (record === undefined) return refuse('not_found');
  if (record.id === id) {
    if (!canOpen(record, actor)) return refuse('not_found');
    return record.awaited || record.endedAt !== undefined ? done() : done({ kind: 'end-awaited', at, id });
  }
  const waiting = successorsOf(record).find(({ spec }) => spec.id === id);
  if (waiting === undefined || !canOpen({ ...waiting.spec, subscribers: waiting.subscribers }, actor)) {
    return refuse('not_found');
  }
  return waiting.spec.awaited || waiting.cancelled !== undefined ? done() : done({ kind: 'end-awaited', at, id });
};
