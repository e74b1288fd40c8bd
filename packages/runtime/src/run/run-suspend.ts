import { answerOfChildren, answerToWait, SIGNALS_LIMIT, type SignalEntry, type TaskRecord } from '@baton/core';
import { InvalidArgumentError, WaitRefusedError } from '../errors.ts';
import { lacksRoom, type OwnerCommand, type Told } from './owned-task.ts';
import { finishRun, leftBy, runCleanups, type Ending, type RunEnd } from './run-finish.ts';
import type { ChildrenCame, ChildrenWait, SignalWait, Suspended } from './suspended.ts';

/** What a wait depends on. */
export type Suspending = Pick<Ending, 'task' | 'clock' | 'fence' | 'flush'> & {
  readonly body: Pick<Ending['body'], 'hasCleanups' | 'leave'>;
};

const FULL = `a task has ${SIGNALS_LIMIT} signals and waits for some at most`;
const WAITS_FULL = `a task has ${SIGNALS_LIMIT} waits for children that are over before these have ended at most`;

const NO_ROOM = 'the record of the task has no room for another wait';

/** A wait, and what is asked of the record for it. */
type Question<Answer> = {
  readonly wait: Suspended['wait'];
  readonly answer: (record: TaskRecord) => Answer | undefined;
  readonly command: (isOver: boolean) => OwnerCommand;
  /** As many as there may be. */
  readonly isFull: (record: TaskRecord) => boolean;
  readonly full: string;
};

/**
 * Answers a wait of the body for a signal, or leaves the body where it waits (behaviour G4). Undefined: it is left, or is
 * told to stop. The record decides: a signal that comes at the same moment is found there, by this run or by the one that
 * goes on.
 */
export const answerWait = (run: Suspending, wait: SignalWait): Promise<SignalEntry | undefined> =>
  answerOrLeave(run, signalQuestion(run, wait));

/** The same for children, with what they left. Rejects for one that is none of its, and where that cannot be had. */
export const answerChildren = async (
  run: Suspending & Pick<Ending, 'data'>,
  wait: ChildrenWait,
): Promise<ChildrenCame | undefined> => {
  const known = new Set(run.task.record.children?.map(({ id }) => id));
  const stranger = wait.children.find((id) => !known.has(id));
  if (stranger !== undefined) throw new InvalidArgumentError(`waitFor: the task ${stranger} is no child of this one`);
  const answer = await answerOrLeave(run, childrenQuestion(run, wait));
  return answer?.kind === 'ended' ? { kind: 'ended', left: await run.data.handed(answer.children) } : answer;
};

const signalQuestion = (
  { clock, fence }: Pick<Suspending, 'clock' | 'fence'>,
  wait: SignalWait,
): Question<SignalEntry> => ({
  wait,
  answer: (record) => answerToWait(record, wait),
  command: (isOver) => ({ kind: 'suspend', at: clock.now(), fence, ...wait, isOver }),
  isFull: ({ signals = [] }) => signals.length >= SIGNALS_LIMIT,
  full: FULL,
});

const childrenQuestion = ({ clock, fence }: Pick<Suspending, 'clock' | 'fence'>, wait: ChildrenWait) => ({
  wait,
  answer: (record: TaskRecord) => answerOfChildren(record, wait),
  command: (isOver: boolean): OwnerCommand => ({ kind: 'await-children', at: clock.now(), fence, ...wait, isOver }),
  isFull: ({ waitsOver = [] }: TaskRecord) => waitsOver.length >= SIGNALS_LIMIT,
  full: WAITS_FULL,
});

const answerOrLeave = async <Answer>(run: Suspending, question: Question<Answer>): Promise<Answer | undefined> => {
  const { task, body } = run;
  const { wait, answer, command, isFull, full } = question;
  const known = answer(task.record);
  if (known !== undefined) return known;
  // The run that goes on finds what this one has told.
  await run.flush();
  if (body.hasCleanups) {
    // They run before the task is let go, and cannot run twice: so whether there is need to is looked for first.
    await task.look();
    const come = answer(task.record);
    if (come !== undefined) return come;
    if (isFull(task.record)) throw new WaitRefusedError('SIGNALS_FULL', full);
    body.leave({ kind: 'suspended', wait });
    return undefined;
  }
  const told = await task.tell(command(false));
  if (told.kind === 'refused' && told.reason === 'signals_full') throw new WaitRefusedError('SIGNALS_FULL', full);
  if (lacksRoom(told)) throw new WaitRefusedError('RECORD_FULL', NO_ROOM);
  if (told.kind !== 'done') return undefined;
  if (!task.suspended) return answer(told.held.record);
  body.leave({ kind: 'suspended', wait });
  return undefined;
};

/** The end of a run whose body was left where it waits: its cleanup handlers run, and then the task is let go. */
export const suspendRun = async (run: Ending, { wait }: Suspended): Promise<RunEnd> => {
  const errors = [...(await runCleanups(run)), ...run.strays];
  await run.flush();
  if (run.task.suspended || (errors.length === 0 && run.aborting === undefined)) {
    const told = await tellSuspend(run, wait);
    if (told.kind !== 'refused') return leftBy(told);
    // Its body is over, and did not return: nothing it could have come to is known.
    if (lacksRoom(told))
      return finishRun(run, { kind: 'threw', error: { type: 'WaitRefusedError', message: NO_ROOM }, terminal: true });
  }
  // A cancel or a timeout came first, or a handler has failed: the task ends, as after any other body.
  return finishRun(run, { kind: 'returned' });
};

const tellSuspend = (run: Suspending, wait: Suspended['wait']): Promise<Told> =>
  run.task.tell(('name' in wait ? signalQuestion(run, wait) : childrenQuestion(run, wait)).command(true));
