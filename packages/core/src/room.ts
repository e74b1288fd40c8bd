import { taskOf } from './promote.ts';
import { successorsOf } from './successors.ts';
import { sizeOfTags } from './tags.ts';
import type { Data, TaskRecord } from './task.ts';

/**
 * Whether `after` takes more room than `before` for what is not the task's own way to its end: people who wait for it,
 * tasks that wait behind it, signals, steps, tags, its payload, and a result that could lie elsewhere (behaviour R9). Such a write is refused
 * while the record still has room for all the others: a claim, an error, an abort, a rescue, a force, whatever their size.
 */
export const takesRoom = (before: TaskRecord | undefined, after: TaskRecord): boolean => {
  if (before === undefined) return true;
  // A successor whose turn has come was let in when it came.
  if (before.id !== after.id) return !successorsOf(before).some(({ spec }) => spec.id === after.id);
  return (
    after.subscribers.length > before.subscribers.length ||
    sizeOf(after.payload) > sizeOf(before.payload) ||
    sizeOf(after.cancelHandle?.data) > sizeOf(before.cancelHandle?.data) ||
    (after.signals !== before.signals && signalsIn(after) > signalsIn(before)) ||
    (after.steps !== before.steps && stepsIn(after) > stepsIn(before)) ||
    argumentsIn(after) > argumentsIn(before) ||
    (after.tags !== before.tags && sizeOfTags(after.tags) > sizeOfTags(before.tags)) ||
    resultIn(after) > resultIn(before) ||
    (after.successor !== before.successor && waitersIn(after) > waitersIn(before))
  );
};

const sizeOf = (data: Data | undefined): number => (data instanceof Uint8Array ? data.length : 0);

/** Also those of what waits behind it: a later submit may bring larger ones. */
const argumentsIn = (record: TaskRecord): number =>
  successorsOf(record).reduce((sum, { spec }) => sum + sizeOf(spec.args) + sizeOfTags(spec.tags), sizeOf(record.args));

/** Also that of a body whose cleanup handlers run still. */
const resultIn = ({ result, bodyOutcome }: TaskRecord): number =>
  sizeOf(result) + (bodyOutcome?.kind === 'returned' ? sizeOf(bodyOutcome.result) : 0);

/** A wait that is over takes a few bytes, as the task's own way does. */
const signalsIn = ({ signals = [] }: TaskRecord): number =>
  signals.reduce((sum, entry) => ('id' in entry ? sum + 1 + sizeOf(entry.data) : sum), 0);

const stepsIn = ({ steps = [] }: TaskRecord): number => steps.reduce((sum, { result }) => sum + 1 + sizeOf(result), 0);

/** Successors and who waits for them. */
const waitersIn = (record: TaskRecord): number =>
  successorsOf(record).reduce((sum, { subscribers }) => sum + 1 + subscribers.length, 0);

/**
 * Outcomes that stand in `before` and in no later record if `after` takes its place: of the task itself, where another one
 * begins at its address, and of successors that were cancelled while they waited. `before` is stored, so they are final.
 */
export const outcomesGone = (before: TaskRecord, after: TaskRecord): readonly TaskRecord[] => {
  const isReplaced = before.id !== after.id;
  if (!isReplaced && before.successor === after.successor) return [];
  const gone = goneSuccessors(before, after);
  return isReplaced ? [before, ...gone] : gone;
};

const goneSuccessors = (before: TaskRecord, after: TaskRecord): readonly TaskRecord[] => {
  const there = new Set([after.id, ...successorsOf(after).map(({ spec }) => spec.id)]);
  return successorsOf(before).flatMap(({ spec, cancelled }) => {
    const record = cancelled === undefined || there.has(spec.id) ? undefined : taskOf(before, spec.id);
    return record === undefined ? [] : [record];
  });
};
