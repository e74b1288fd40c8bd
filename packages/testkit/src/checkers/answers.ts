import type { RefusalReason, Status, SubmitOutcome, Successor, TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { isEnd } from './life-rules.ts';
import { byTask, compareRecorded, type Recorded } from './recorded.ts';
import { Findings, type Report } from './report.ts';

/** What callers asked and what they were told. `call` is unique; `at` is their wall clock, milliseconds. */
export type CallEvent =
  | {
      readonly phase: 'invoke';
      readonly call: string;
      readonly at: number;
      readonly user?: string;
      readonly asked:
        | {
            readonly kind: 'schedule';
            readonly address: Address;
            /** The id a new task would get. */ readonly id?: string;
          }
        | { readonly kind: 'cancel'; readonly task: string };
    }
  | { readonly phase: 'answer'; readonly call: string; readonly at: number; readonly answer: CallAnswer };

export type CallAnswer =
  | { readonly kind: SubmitOutcome; readonly task: string }
  | { readonly kind: 'aborted' | 'unsubscribed' }
  /** `state`: the status of the task as the caller was told it. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly state?: Status }
  /** May or may not have happened. */
  | { readonly kind: 'unknown' }
  /** Nothing happened. */
  | { readonly kind: 'failed' };

export type AnswersInput = {
  readonly calls: readonly CallEvent[];
  /** Every record ever stored, of every address. */
  readonly records: readonly Recorded[];
  /** How far wall clocks may be apart, milliseconds. Default 1,000. */
  readonly skewMs?: number;
};

type Invoke = Extract<CallEvent, { phase: 'invoke' }>;
type Answered = { readonly invoke: Invoke; readonly answer: CallAnswer };
type Tasks = {
  /** Task id -> its own records. */
  readonly records: ReadonlyMap<string, readonly Recorded[]>;
  /** Task id -> how it stood in the records of the task it waited behind. */
  readonly successors: ReadonlyMap<string, readonly Waiting[]>;
};

type Waiting = { readonly address: Address; readonly successor: Successor };

/** Every call has one answer, and the records agree with it. */
export const checkAnswers = ({ calls, records, skewMs = 1_000 }: AnswersInput): Report => {
  const found = new Findings();
  const tasks: Tasks = { records: byTask(records), successors: successorsOf(records) };
  const answered = pair(found, calls);
  const proposals = proposalsOf(answered);
  for (const one of answered) {
    found.count(
      one.answer.kind === 'refused' ? `refused ${one.answer.reason}` : `${one.invoke.asked.kind} ${one.answer.kind}`,
    );
    if (one.invoke.asked.kind === 'schedule') checkSchedule(found, one, one.invoke.asked, { tasks, proposals, skewMs });
    else checkCancel(found, one, one.invoke.asked.task, tasks);
  }
  checkCreators(found, answered, tasks);
  return found.report();
};

const pair = (found: Findings, calls: readonly CallEvent[]): readonly Answered[] => {
  const answers = new Map<string, CallAnswer>();
  const invokes = new Map<string, Invoke>();
  for (const event of calls) {
    const seen = event.phase === 'invoke' ? invokes.has(event.call) : answers.has(event.call);
    found.expect(!seen, 'answered-once', () => `${event.call}: a second ${event.phase}`);
    if (seen) continue;
    if (event.phase === 'invoke') invokes.set(event.call, event);
    else answers.set(event.call, event.answer);
  }
  for (const call of answers.keys())
    found.expect(invokes.has(call), 'answered-once', () => `${call}: an answer to nothing`);
  return [...invokes].flatMap(([call, invoke]) => {
    const answer = answers.get(call);
    found.expect(answer !== undefined, 'answered-once', () => `${call}: ${invoke.asked.kind} was never answered`);
    return answer === undefined ? [] : [{ invoke, answer }];
  });
};

/** How many calls proposed an id: one that was refused may have been repeated with the same. */
const proposalsOf = (answered: readonly Answered[]): ReadonlyMap<string, number> => {
  const proposals = new Map<string, number>();
  for (const {
    invoke: { asked },
  } of answered) {
    if (asked.kind === 'schedule' && asked.id !== undefined)
      proposals.set(asked.id, (proposals.get(asked.id) ?? 0) + 1);
  }
  return proposals;
};

type Schedule = Extract<Invoke['asked'], { kind: 'schedule' }>;
type Known = { readonly tasks: Tasks; readonly proposals: ReadonlyMap<string, number>; readonly skewMs: number };

const checkSchedule = (found: Findings, { invoke, answer }: Answered, asked: Schedule, known: Known): void => {
  const { call, user, at } = invoke;
  const { tasks, proposals, skewMs } = known;
  const proposed = asked.id === undefined ? undefined : lifeOf(tasks, asked.id);
  if (answer.kind === 'unknown' && proposed !== undefined) found.count('recovered');
  if ((answer.kind === 'failed' || answer.kind === 'refused') && proposals.get(asked.id ?? '') === 1) {
    found.expect(proposed === undefined, 'honest-no', () => `${call}: told ${answer.kind}, and ${asked.id} exists`);
  }
  if (answer.kind === 'aborted' || answer.kind === 'unsubscribed') {
    found.expect(false, 'fitting-answer', () => `${call}: a schedule was answered ${answer.kind}`);
  }
  if (!('task' in answer)) return;
  const { task } = answer;
  const life = lifeOf(tasks, task);
  if (life === undefined) {
    found.expect(false, 'not-lost', () => `${call}: ${answer.kind} ${task}, which is nowhere`);
    return;
  }
  found.expect(
    life.address === asked.address,
    'same-key',
    () => `${call}: got ${task} of ${life.address}, asked for ${asked.address}`,
  );
  if (answer.kind === 'created') {
    found.expect(
      asked.id === undefined || asked.id === task,
      'created-own',
      () => `${call}: created ${task}, would have made ${asked.id}`,
    );
  } else if (answer.kind !== 'throttled') {
    const { ended } = life;
    found.expect(
      ended === undefined || ended + skewMs >= at,
      'joined-active',
      () => `${call}: joined ${task}, which had ended ${at - (ended ?? 0)} ms before`,
    );
    found.expect(asked.id !== task, 'joined-other', () => `${call}: joined the task ${task} it made itself`);
  }
  found.expect(
    user === undefined || answer.kind === 'throttled' || life.subscribers.has(user),
    'subscribed',
    () => `${call}: ${user} never became a subscriber of ${task}`,
  );
};

const checkCancel = (found: Findings, { invoke, answer }: Answered, task: string, tasks: Tasks): void => {
  const { call, user } = invoke;
  const life = lifeOf(tasks, task);
  if ('task' in answer) {
    found.expect(false, 'fitting-answer', () => `${call}: a cancel was answered ${answer.kind}`);
  }
  if (answer.kind === 'aborted') {
    const status = life?.last?.status;
    // A successor that is cancelled gets its record when its turn comes. Handlers that fail end in failure.
    const fits = life === undefined || life.last === undefined || life.last.abort !== undefined;
    found.expect(fits && status !== 'success', 'abort-agrees', () => `${call}: told aborted, ${task} is ${status}`);
  }
  if (answer.kind === 'unsubscribed' && life !== undefined && user !== undefined) {
    found.expect(
      life.left.has(user) || !life.subscribers.has(user),
      'unsubscribed',
      () => `${call}: ${user} never left ${task}`,
    );
  }
  if (answer.kind === 'refused' && answer.reason === 'too_late') {
    const { state } = answer;
    const status = life?.last?.status;
    const over = life?.last !== undefined && (isEnd(life.last.status) || life.last.finishing === true);
    found.expect(over, 'late-agrees', () => `${call}: told too late, ${task} is ${status}`);
    if (state !== undefined && isEnd(state)) {
      found.expect(state === status, 'late-agrees', () => `${call}: told ${state}, ${task} is ${status}`);
    }
  }
};

/** Of all who were told about a task, one was told that he made it; and every task was asked for by somebody. */
const checkCreators = (found: Findings, answered: readonly Answered[], tasks: Tasks): void => {
  const creators = new Map<string, string[]>();
  const unsure = new Set<Address>();
  const asked = new Set<Address>();
  for (const { invoke, answer } of answered) {
    if (invoke.asked.kind !== 'schedule') continue;
    asked.add(invoke.asked.address);
    if (answer.kind === 'unknown') unsure.add(invoke.asked.address);
    if (answer.kind === 'created') creators.set(answer.task, [...(creators.get(answer.task) ?? []), invoke.call]);
  }
  for (const [task, calls] of creators) {
    found.expect(calls.length === 1, 'created-once', () => `${task}: made by ${calls.join(' and ')}`);
  }
  for (const [task, [first]] of tasks.records) {
    if (first === undefined) continue;
    found.expect(asked.has(first.address), 'no-phantom', () => `${task}: nobody asked for ${first.address}`);
    const made = creators.has(task) || unsure.has(first.address);
    found.expect(made || !asked.has(first.address), 'created-once', () => `${task}: nobody was told that he made it`);
  }
};

type Life = {
  readonly address: Address;
  /** The last record of the task itself; a successor that never began has none. */
  readonly last: TaskRecord | undefined;
  readonly ended: number | undefined;
  /** Everybody who ever was a subscriber. */
  readonly subscribers: ReadonlySet<string>;
  /** Those who were and later were not. */
  readonly left: ReadonlySet<string>;
};

const lifeOf = (tasks: Tasks, task: string): Life | undefined => {
  const own = tasks.records.get(task) ?? [];
  const waiting = tasks.successors.get(task) ?? [];
  const [first] = [...waiting, ...own];
  if (first === undefined) return undefined;
  const lists = [
    ...waiting.map(({ successor }) => successor.subscribers),
    ...own.map(({ record }) => record.subscribers),
  ].map((list): Subscribed => new Map(list.map(({ user, at }) => [user, at])));
  const subscribers = new Set(lists.flatMap((list) => [...list.keys()]));
  const left = new Set([...subscribers].filter((user) => leaves(lists, user)));
  const last = own.at(-1)?.record;
  return { address: first.address, last, ended: last?.endedAt, subscribers, left };
};

/** Who subscribes, since when. */
type Subscribed = ReadonlyMap<string, number>;

/** Who leaves and comes again in one write, as when both were decided together, is seen to subscribe since another moment. */
const leaves = (lists: readonly Subscribed[], user: string): boolean =>
  lists.some((list, i) => {
    const since = list.get(user);
    return since !== undefined && lists.slice(i + 1).some((later) => later.get(user) !== since);
  });

const successorsOf = (records: readonly Recorded[]): Tasks['successors'] => {
  const found = new Map<string, Waiting[]>();
  for (const one of records.toSorted(compareRecorded)) {
    for (let next = one.record.successor; next !== undefined; next = next.next) {
      const { id } = next.spec;
      found.set(id, [...(found.get(id) ?? []), { address: one.address, successor: next }]);
    }
  }
  return found;
};
