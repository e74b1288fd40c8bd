import { canOpen, isTerminal, taskOf, type Actor, type TaskRecord } from '@baton/core';
import { readRecord } from '@baton/protocols';
import { InvalidArgumentError, OutcomeUnknownError } from '../errors.ts';
import type { Held } from '../kernel.ts';
import type { Operation } from '../ports/operations.ts';
import { findTask } from './find-task.ts';
import { beginOperation, settledOperation } from './operations.ts';
import type { ClientParts, Made } from './submission.ts';

/** The task an operation makes, or is to make. */
type Place = Pick<Operation, 'id' | 'address'>;

export type Making = {
  /** Whether it is something else that was made under the same id; `hasArguments`: what is noted of a task may be without. */
  readonly isOther: (made: TaskRecord, hasArguments: boolean) => boolean;
  /** `isRepeat`: at a place that was noted before; where nobody can tell whether it was made, `refuseDoubt` throws. */
  readonly make: (place: Place, isRepeat: boolean) => Promise<Made>;
};

/** A repeat goes on with what the first call noted: the same task, at the same place (behaviour D7). */
export const operate = async (
  parts: ClientParts,
  actor: Actor,
  { hash, wanted }: { readonly hash: string; readonly wanted: Place },
  { isOther, make }: Making,
): Promise<Made> => {
  const begun = await beginOperation(parts.ports.operations, hash, wanted);
  const isRepeat = begun.kind === 'again';
  if (isRepeat) {
    const found = await madeBefore(parts, actor, begun.operation, isOther);
    if (found !== undefined) return found;
  }
  const done = await make(isRepeat ? begun.operation : wanted, isRepeat);
  if (done.kind === 'done') await settle(parts, hash, begun.revision, done);
  return done;
};

export const usedForAnother = (what: string): InvalidArgumentError =>
  new InvalidArgumentError(`operation_id: was used for another task: ${what} are others`);

/** What an operation came to nobody can tell any more: asking again does not help. */
export class OperationInDoubtError extends OutcomeUnknownError {}

/** What the first call made, where it is known to have made it; undefined: it is to be made now. */
const madeBefore = async (
  { kernel, ports: { store } }: ClientParts,
  actor: Actor,
  { id, address, settled }: Operation,
  isOther: Making['isOther'],
): Promise<Made | undefined> => {
  const found = await findTask({ kernel, store }, address, id);
  const how = (made: TaskRecord, hasArguments: boolean) =>
    ({
      outcome: settled?.outcome ?? 'created',
      differs: (settled?.differs ?? false) || isOther(made, hasArguments),
      isNew: false,
    }) as const;
  if (found !== undefined) {
    const { record, revision } = found;
    if (!canOpen(record, actor)) return { kind: 'refused', reason: 'not_found' };
    const held: Held = { record: found.actor, revision };
    return { kind: 'done', address, id, view: { record, revision }, held, ...how(record, true) };
  }
  if (settled === undefined) return undefined;
  const reading = readRecord(settled.bytes);
  if (reading.kind !== 'record')
    throw new OperationInDoubtError(`what operation ${id} has made cannot be read any more`);
  const view: Held = { record: reading.record, revision: settled.revision };
  // What is noted of a task is without its arguments.
  return { kind: 'done', address, id, view, held: view, ...how(reading.record, false) };
};

/** Where it is not noted, a repeat finds the task itself, as long as it is there. */
const settle = async (
  { ports, log }: ClientParts,
  hash: string,
  expected: number,
  { address, view, outcome, differs }: Extract<Made, { kind: 'done' }>,
): Promise<void> => {
  const operation = settledOperation(address, view.record, view.revision, { outcome, differs });
  const result = await ports.operations.write(hash, operation, expected);
  // Conflict: the projector was faster, and has noted the end.
  if (result.kind === 'written' || result.kind === 'conflict') return;
  log.warn({ err: result.cause, task: view.record.id }, 'what an operation id has made could not be noted');
};

/** What a repeat under an id that its caller chose must not do, even where that means that nothing is done. */
export type Strictly = {
  /** Where a task is active that has begun, it would come behind it: as a second one, if it was that one which the first call came to. */
  readonly isNext: boolean;
};

/**
 * The first call was cut off between note and task, and since then the key has had a later task, which has ended: whether ours
 * was there before it nobody can tell, so no second one is made. An active one is joined: that makes none. `strictly`: the
 * same where the first call may have come to a task that has ended since, or begun. A command that comes again without an id
 * is carried out then: better twice than not at all.
 */
export const refuseDoubt = (held: Held | undefined, id: string, strictly?: Strictly): void => {
  if (held === undefined || taskOf(held.record, id) !== undefined) return;
  const { status, endedAt, startedAt, id: other } = held.record;
  const isSince = (at: number | undefined): boolean => strictly !== undefined && at !== undefined && at >= timeOf(id);
  const isDoubtful = isTerminal(status)
    ? other > id || isSince(endedAt)
    : strictly?.isNext === true && isSince(startedAt);
  if (!isDoubtful) return;
  throw new OperationInDoubtError('this operation was begun before, and what became of it cannot be told any more');
};

/** When an id was made, which is when its operation was begun: it is a UUID of version 7. */
const timeOf = (id: string): number => Number.parseInt(id.replace('-', '').slice(0, 12), 16);
