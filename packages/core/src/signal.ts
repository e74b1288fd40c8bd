import { canSee } from './access.ts';
import type { ClientCommand, WorkerCommand } from './command.ts';
import { accept, byUser, done, refuse, type Decision } from './decision.ts';
import { SIGNALS_LIMIT } from './defaults.ts';
import type { TaskEvent } from './event.ts';
import { successorsOf } from './successors.ts';
import { isTerminal, ownedRun, ownerOf, type SignalEntry, type TaskRecord } from './task.ts';

type Signal = Extract<ClientCommand, { kind: 'signal' }>;
type Suspend = Extract<WorkerCommand, { kind: 'suspend' }>;

/**
 * Signals, and the waits for them (behaviour G4, G5).
 *
 * They stand in the task's own record, in the order they came, and are never taken out: the nth wait for a name is answered
 * by the nth entry of that name. So one that came too early is there when it is waited for, each answers one wait, and a run
 * that begins anew finds what the runs before it were told, whatever crashed in between.
 */
export const answerToWait = (
  { signals = [] }: Pick<TaskRecord, 'signals'>,
  wait: { readonly name: string; readonly number: number },
): SignalEntry | undefined => signals.filter(({ name }) => name === wait.name)[wait.number - 1];

/** For whoever may see the task, as a cancel; one that stands there already is told what became of it. */
export const decideSignal = (record: TaskRecord | undefined, command: Signal): Decision => {
  const { at, actor, id, signal, name, data } = command;
  const successor = successorsOf(record).find(({ spec }) => spec.id === id);
  if (successor !== undefined) {
    const mayKnow = canSee({ ...successor.spec, subscribers: successor.subscribers }, actor);
    return refuse(mayKnow ? 'behind' : 'not_found');
  }
  if (record === undefined || record.id !== id || !canSee(record, actor)) return refuse('not_found');
  const { signals = [], waiting, status } = record;
  const known = signals.find((entry) => 'id' in entry && entry.id === signal);
  if (known !== undefined) return accept({ kind: 'awaited' in known ? 'delivered' : 'kept' });
  if (isTerminal(status) || status === 'aborting') return refuse('ended');
  const isAwaited = waiting !== undefined && 'signal' in waiting && waiting.signal === name;
  // What it waits for is let in however many others came: the wait itself was let in before.
  if (!isAwaited && signals.length >= SIGNALS_LIMIT) return refuse('signals_full');
  return accept(
    { kind: isAwaited ? 'delivered' : 'kept' },
    {
      kind: 'signalled',
      at,
      entry: {
        ...{ id: signal, name, at, by: byUser(actor.user) },
        ...(data === undefined ? {} : { data }),
        ...(isAwaited ? { awaited: true } : {}),
      },
    },
  );
};

/**
 * The body waits. Where the answer is there by now it goes on, and nothing changes, unless its cleanup handlers have run:
 * then the run is over all the same, and the task ready at once.
 */
export const decideSuspend = (record: TaskRecord | undefined, command: Suspend): Decision => {
  const { at, fence, name, number, timeoutMs, isOver } = command;
  const run = ownedRun(record, fence);
  if (run === undefined) return refuse('fenced');
  if (run.status === 'aborting') return refuse('aborting');
  if (run.finishing) return refuse('too_late');
  const suspended: TaskEvent = {
    ...{ kind: 'suspended', at, by: ownerOf(run) },
    waiting: { signal: name, since: at },
  };
  if (answerToWait(run, { name, number }) !== undefined) return isOver ? done(suspended) : done();
  // Bounded, so that every task ends.
  if (!isOver && (run.signals?.length ?? 0) >= SIGNALS_LIMIT) return refuse('signals_full');
  return done({ ...suspended, until: at + timeoutMs });
};
