import type { ClientCommand, SupervisorCommand, WorkerCommand } from './command.ts';
import { withNew } from './children.ts';
import { accept, byUser, done, refuse, type Decision } from './decision.ts';
import { CHILDREN_LIMIT } from './defaults.ts';
import { waitsFor } from './dependency.ts';
import { submitAs, type Submission } from './submit.ts';
import { isTerminal, ownedRun, type TaskRecord } from './task.ts';

/**
 * Children (behaviour G3): tasks of their own, whose records name their parent. The parent's record names them in turn, for
 * what it is told of them; what becomes of a child when its parent ends is decided by the child's own record.
 */

type Spawn = Extract<ClientCommand, { kind: 'spawn' }>;
type Adopt = Extract<WorkerCommand, { kind: 'adopt' }>;
type ParentEnded = Extract<SupervisorCommand, { kind: 'parent-ended' }>;

/**
 * Under the key of a child there is one child of its parent, for ever: an attempt that spawns it again finds the one that is
 * there, also when it has ended. What else stands there is no child, and is not joined.
 */
export const decideSpawn = (record: TaskRecord | undefined, { at, spec, subscribers }: Spawn): Decision => {
  if (record?.parent?.id === spec.parent.id) return accept({ kind: 'created', id: record.id });
  if (waitsFor(spec, spec.parent.id)) return refuse('waits_for_itself');
  const submission: Submission = {
    ...{ at, spec, subscribers, mode: { kind: 'reject' }, whenAborting: 'reject' },
    // Whoever made its parent has been asked.
    actor: { ...(spec.creator === undefined ? {} : { user: spec.creator }), admin: true },
    why: `spawned by ${spec.parent.id}`,
  };
  return submitAs(record, submission, byUser(spec.creator));
};

/** What a run has spawned stands in its record, also where it is being aborted by now. */
export const decideAdopt = (record: TaskRecord | undefined, { at, fence, children: more }: Adopt): Decision => {
  const run = ownedRun(record, fence);
  if (run === undefined) return refuse('fenced');
  const known = run.children ?? [];
  const children = withNew(known, more);
  if (children === known) return done();
  return children.length > CHILDREN_LIMIT ? refuse('children_full') : done({ kind: 'children-changed', at, children });
};

/**
 * What its parent has come to. Where that has ended well the child goes on; otherwise it is cancelled, by its parent, whoever
 * waits for it. One that runs and cannot be stopped runs on, and is asked again by whoever watches it: it is stopped as soon
 * as it can be, and not run again.
 */
export const decideParentEnded = (record: TaskRecord | undefined, command: ParentEnded): Decision => {
  const { at, id, how } = command;
  if (record === undefined || record.id !== id) return refuse('not_found');
  const { parent, status, finishing, abortable, cancelling, policy } = record;
  if (parent?.id !== command.parent) return refuse('not_found');
  if (isTerminal(status) || parent.leave || parent.over) return done();
  if (how === 'success') return done({ kind: 'parent-over', at });
  const stop = { at, by: `task:${parent.id}`, cause: 'cancel', why: SAYS[how] } as const;
  if (status === 'pending') return done({ kind: 'stopped', ...stop });
  if (status === 'aborting' || finishing) return done();
  return abortable || cancelling || policy.isolation === 'thread' ? done({ kind: 'abort-requested', ...stop }) : done();
};

const SAYS: Readonly<Record<Exclude<ParentEnded['how'], 'success'>, string>> = {
  aborting: 'its parent is being aborted',
  aborted: 'its parent was aborted',
  timed_out: 'its parent timed out',
  failure: 'its parent has failed',
  gone: 'nothing is known of its parent any more',
};
