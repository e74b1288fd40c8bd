import type { SupervisorCommand, WorkerCommand } from './command.ts';
import { done, refuse, type Decision } from './decision.ts';
import { CHILDREN_LIMIT, SIGNALS_LIMIT } from './defaults.ts';
import type { TaskEvent } from './event.ts';
import { fractionOf } from './progress.ts';
import { isTerminal, ownedRun, ownerOf, type Child, type Progress, type TaskId, type TaskRecord } from './task.ts';

/** What a task knows of the children it has spawned, and its waits for them (behaviour G3, G4). */

type Await = Extract<WorkerCommand, { kind: 'await-children' }>;
type Note = Extract<SupervisorCommand, { kind: 'note-children' }>;

const NONE: readonly Child[] = [];

/** Those that have not ended, as far as its record knows. */
export const openChildren = ({ children = NONE }: Pick<TaskRecord, 'children'>): readonly Child[] =>
  children.filter(({ end }) => end === undefined);

const hasFailed = ({ end }: Child): boolean => end !== undefined && end.status !== 'success';

/** What a wait for children has come to; in every run it is the same. */
export type ChildrenAnswer =
  | { readonly kind: 'ended'; readonly children: readonly Child[] }
  /** This one has failed, and the wait asked for success. */
  | { readonly kind: 'failed'; readonly child: Child }
  | { readonly kind: 'timed-out' };

type Wait = { readonly children: readonly TaskId[]; readonly number: number; readonly onFailure?: 'continue' };

/** Undefined: it is not over. */
export const answerOfChildren = (
  { children = NONE, waitsOver }: Pick<TaskRecord, 'children' | 'waitsOver'>,
  { children: ids, number, onFailure }: Wait,
): ChildrenAnswer | undefined => {
  if (waitsOver !== undefined && waitsOver.includes(number)) return { kind: 'timed-out' };
  const byId = new Map(children.map((child) => [child.id, child]));
  const awaited = ids.flatMap((id) => byId.get(id) ?? []);
  if (onFailure === undefined) {
    const failed = awaited.filter(hasFailed).toSorted((a, b) => (a.end?.at ?? 0) - (b.end?.at ?? 0));
    if (failed[0] !== undefined) return { kind: 'failed', child: failed[0] };
  }
  return awaited.every(({ end }) => end !== undefined) ? { kind: 'ended', children: awaited } : undefined;
};

/** The body waits for children. As of a wait for a signal: where the answer is there by now it goes on, and nothing changes. */
export const decideAwaitChildren = (record: TaskRecord | undefined, command: Await): Decision => {
  const { at, fence, children, number, onFailure, timeoutMs, isOver } = command;
  const run = ownedRun(record, fence);
  if (run === undefined) return refuse('fenced');
  if (run.status === 'aborting') return refuse('aborting');
  if (run.finishing) return refuse('too_late');
  const wait = { children, number, ...(onFailure === undefined ? {} : { onFailure }) };
  const suspended: TaskEvent = { kind: 'suspended', at, by: ownerOf(run), waiting: { ...wait, since: at } };
  if (answerOfChildren(run, wait) !== undefined) return isOver ? done(suspended) : done();
  // Bounded, so that every task ends.
  if (!isOver && (run.waitsOver?.length ?? 0) >= SIGNALS_LIMIT) return refuse('signals_full');
  return done({ ...suspended, until: at + timeoutMs });
};

/** Of a task that has ended nothing is noted: its children are no concern of its any more. */
export const decideNoteChildren = (record: TaskRecord | undefined, command: Note): Decision => {
  const { at, id, ends, shares, adopted } = command;
  if (record === undefined || record.id !== id) return refuse('not_found');
  if (isTerminal(record.status)) return refuse('ended');
  const known = record.children ?? NONE;
  const children = withNews(adopted === undefined ? known : withNew(known, [adopted]), ends, shares);
  if (children.length > CHILDREN_LIMIT) return refuse('children_full');
  return children === known ? done() : done({ kind: 'children-changed', at, children });
};

/** The same list where nothing is new. */
const withNews = (children: readonly Child[], ends: Note['ends'], shares: Note['shares']): readonly Child[] => {
  const endOf = new Map(ends.map(({ id, end }) => [id, end]));
  const shareOfOne = new Map(shares.map(({ id, share }) => [id, share]));
  const isNews = ({ id, end, share }: Child): boolean => {
    if (end !== undefined) return false;
    return endOf.has(id) || (shareOfOne.has(id) && shareOfOne.get(id) !== share);
  };
  if (!children.some(isNews)) return children;
  return children.map((child) => {
    if (!isNews(child)) return child;
    const { share: former, ...rest } = child;
    const end = endOf.get(child.id);
    if (end !== undefined) return { ...rest, end };
    const share = shareOfOne.get(child.id) ?? former;
    return share === undefined ? rest : { ...rest, share };
  });
};

/** With those that it does not have; the same list where it has all. */
export const withNew = (children: readonly Child[], more: readonly Child[]): readonly Child[] => {
  const known = new Set(children.map(({ id }) => id));
  const added = more.filter(({ id }) => !known.has(id) && known.add(id));
  return added.length === 0 ? children : [...children, ...added];
};

export type ChildrenCount = { readonly total: number; readonly done: number; readonly failed: number };

export const countChildren = (children: readonly Child[]): ChildrenCount => ({
  total: children.length,
  done: children.filter(({ end }) => end !== undefined).length,
  failed: children.filter(hasFailed).length,
});

/** The mean of what is done of them: of one that has ended all, of one that tells nothing nothing. */
const shareOfChildren = (children: readonly Child[]): number =>
  children.reduce((sum, { end, share }) => sum + (end === undefined ? (share ?? 0) : 1), 0) / children.length;

/** What a handler has told; of a task whose handler tells nothing, and has children, the mean of theirs (behaviour G3). */
export const shownProgress = ({
  progress,
  children,
}: Pick<TaskRecord, 'progress' | 'children'>): Progress | undefined =>
  progress !== undefined || children === undefined || children.length === 0
    ? progress
    : { fraction: shareOfChildren(children) };

/** How much of it is done, 0 to 1; undefined where nothing says so. In whole hundredths, so that little news is none. */
export const shareOf = (record: TaskRecord): number | undefined => {
  const progress = shownProgress(record);
  const fraction = progress === undefined ? undefined : fractionOf(progress);
  return fraction === undefined ? undefined : Math.floor(fraction * 100) / 100;
};
