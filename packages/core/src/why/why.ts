import { readyAtOf } from '../durations.ts';
import type { LimitInTheWay, QueueView } from '../queue/standing.ts';
import type { Millis, TaskRecord } from '../task.ts';
import { ownReasons } from './own-reasons.ts';
import type { Holder, WaitReason, Why } from './reason.ts';
import { DISPLACED, wordsOf } from './words.ts';

/** What was learnt of a task that may wait. */
export type WhyFacts = {
  /** The record it stands in. */
  readonly actor: TaskRecord;
  readonly record: TaskRecord;
  readonly now: Millis;
  /** By the host of its queue; undefined where that was not to be asked. */
  readonly queue?:
    | { readonly kind: 'answered'; readonly view: QueueView }
    | { readonly kind: 'nobody' | 'silent' }
    | undefined;
  /** Of holders, by address: those that whoever asks may see. */
  readonly holders?: ReadonlyMap<string, Holder>;
};

/** Why the task waits (behaviour Q9): a function of what is known, the words too. */
export const whyOf = (facts: WhyFacts): Why => {
  const { actor, record, now, queue } = facts;
  const { id, status, type, priority, group } = record;
  const waits = status === 'pending';
  const own = ownReasons(actor, record, now);
  const view = waits && queue?.kind === 'answered' ? queue.view : undefined;
  const reasons = waits ? [...own, ...queueReasons(facts, view)] : orphanReasons(facts);
  const isInLine = view?.state === 'waiting';
  const why = {
    ...{ id, status, waits, type, queue: record.queue, priority },
    ...(group === undefined ? {} : { group }),
    asOf: now,
    ...(waits && own.length === 0 ? { since: readyAtOf(record) } : {}),
    ...(view === undefined || !isInLine
      ? {}
      : { position: view.ahead + 1, ahead: view.ahead, queueWaits: view.waiting }),
    reasons,
    ...(view === undefined || !isInLine ? {} : expectation(view, reasons, now)),
  };
  const isDisplaced = !waits && record.abort?.cause === 'displaced';
  return { ...why, text: isDisplaced ? [...wordsOf(why), DISPLACED] : wordsOf(why) };
};

/** Of a task that is known to have ended, and whose record may be gone. */
export const whyOfEnded = ({ now, ...about }: EndedFacts): Why => {
  const why = { ...about, waits: false, asOf: now, reasons: [] };
  return { ...why, text: wordsOf(why) };
};

export type EndedFacts = Pick<Why, 'id' | 'status' | 'type' | 'queue' | 'priority' | 'group'> & {
  readonly now: Millis;
};

/** It has begun, and waits for a worker that cancels what it had begun elsewhere. */
const orphanReasons = ({ record, queue }: WhyFacts): readonly WaitReason[] => {
  if (record.cancelling) return [{ kind: 'cancelling' }];
  if (queue?.kind !== 'answered' || queue.view.isOrphan !== true) return [];
  return [{ kind: 'uncancelled' }, ...unserved(record, queue.view)];
};

const unserved = (record: TaskRecord, { workers, servedIn = [] }: QueueView): readonly WaitReason[] => {
  if (workers.type > 0) return [];
  const { queue, type } = record;
  const elsewhere = servedIn.filter((other) => other !== queue);
  return [{ kind: 'no_worker', queue, type, queueWorkers: workers.queue, servedIn: elsewhere }];
};

const queueReasons = ({ record, queue, holders }: WhyFacts, view: QueueView | undefined): readonly WaitReason[] => {
  if (queue === undefined) return [];
  if (queue.kind !== 'answered') return [{ kind: 'unknown', because: queue.kind }];
  if (view === undefined) return [];
  const halts: readonly WaitReason[] = view.halt === undefined ? [] : [{ kind: view.halt }];
  const { workers } = view;
  const nobody = unserved(record, view);
  switch (view.state) {
    case 'unheard':
    case 'running':
      return [...halts, { kind: 'unheard' }, ...nobody];
    case 'offered':
      return [{ kind: 'starting' }];
    case 'unsettled':
      return [...halts, { kind: 'unsettled' }];
    case 'waiting':
      break;
  }
  const found: readonly WaitReason[] = [
    ...view.inTheWay.map((one) => (one.kind === 'paused' ? one : withHolders(one, holders))),
    ...halts,
    ...nobody,
    ...(workers.type > 0 && workers.refused === workers.type
      ? [{ kind: 'refused', workers: workers.refused } as const]
      : []),
  ];
  if (found.length > 0) return found;
  return [workers.free > 0 ? { kind: 'starting' } : { kind: 'workers_busy', workers: workers.type }];
};

const withHolders = (limit: LimitInTheWay, known: ReadonlyMap<string, Holder> | undefined): WaitReason => {
  const { holders: addresses, ...rest } = limit;
  const holders = addresses.flatMap((address) => {
    const holder = known?.get(address);
    return holder === undefined ? [] : [holder];
  });
  return { ...rest, holders, hidden: Math.max(0, (limit.concurrency?.running ?? 0) - holders.length) };
};

/** Only what passes by those ahead ending one after the other goes by how fast they do. */
const expectation = (
  { ahead, throughput }: QueueView,
  reasons: readonly WaitReason[],
  now: Millis,
): Pick<Why, 'expectedStart' | 'measured'> => {
  const isByTurns = reasons.every(
    (reason) =>
      reason.kind === 'workers_busy' ||
      (reason.kind === 'limit' && reason.of === 'queue' && reason.concurrency !== undefined),
  );
  if (!isByTurns || throughput === undefined) return {};
  const { starts, ms } = throughput;
  return { expectedStart: Math.round(now + ((ahead + 1) * ms) / starts), measured: throughput };
};
