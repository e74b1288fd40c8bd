import {
  decide,
  evolve,
  outcomesGone,
  takesRoom,
  type Answer,
  type Command,
  type RefusalReason,
  type TaskEvent,
  type TaskRecord,
} from '@baton/core';
import {
  ARCHIVE_TTL_MS,
  AWAITED_TTL_MS,
  encodeRecord,
  readRecord,
  RECORD_LIMIT,
  RECORD_ROOM,
  type Address,
} from '@baton/protocols';
import { StoreRefusedError, UnreadableRecordError, type BatonError } from './errors.ts';
import { createActorKernel, type KernelOf } from './kernel/actor-kernel.ts';
import type { ActorKind, HeldBy } from './kernel/actor-kind.ts';
import type { AskedOf, AskOptionsOf } from './kernel/ask.ts';
import type { KernelPorts } from './kernel/mailbox-types.ts';
import type { Entry, RecordStore } from './ports/store.ts';
import type { Signals } from './ports/signals.ts';

/** The task as a kind of actor: its decider is that of `packages/core`, its codec that of `protocols`. */
export type TaskActor = {
  readonly state: TaskRecord;
  readonly command: Command;
  readonly event: TaskEvent;
  readonly answer: Answer;
  readonly reason: RefusalReason;
};

export type Held = HeldBy<TaskActor>;
export type Asked = AskedOf<TaskActor>;
export type AskOptions = AskOptionsOf<TaskActor>;
export type Kernel = KernelOf<TaskActor>;

/** Told of every transition this process has stored. Must not throw. */
export type StoredListener = (before: TaskRecord | undefined, after: TaskRecord) => void;

/** The kernel of tasks. */
export const createKernel = (ports: KernelPorts & TaskPorts, counted?: StoredListener): Kernel => {
  const actor = taskActor(ports);
  return createActorKernel(counted === undefined ? actor : { ...actor, counted }, ports);
};

type TaskPorts = { readonly signals: Pick<Signals, 'record'> };

const taskActor = ({ store, signals }: KernelPorts & TaskPorts): ActorKind<TaskActor> => ({
  decide,
  evolve,
  encode: encodeRecord,
  decode: (entry) => recordOf(entry),
  sizeLimit: RECORD_LIMIT,
  roomLimit: RECORD_ROOM,
  noRoom: 'record_full',
  takesRoom,
  isStep: (before, after) =>
    before.status !== after.status || before.id !== after.id || outcomesGone(before, after).length > 0,
  obstacle: (answer, store) => (answer.kind === 'created' ? storeFull(store) : undefined),
  keep: (address, { record }, next) => {
    const gone = outcomesGone(record, next);
    return gone.length === 0 ? undefined : keepOutcomes(store, address, gone);
  },
  stored: (entry, before, after) => {
    if (isWaitedFor(before, after)) signals.record(entry);
  },
});

/**
 * What whoever waits for the task is told at once: that it has ended, is being aborted or begins anew, and that somebody
 * has left it, who may be waiting (behaviour S4).
 */
const isWaitedFor = (before: TaskRecord | undefined, { id, status, subscribers }: TaskRecord): boolean =>
  before !== undefined &&
  (before.id !== id ||
    (before.status !== status && status !== 'in_progress') ||
    subscribers.length < before.subscribers.length);

/** Throws UnreadableRecordError for a record of a newer version and for a damaged one. */
export const recordOf = (entry: Pick<Entry, 'address' | 'bytes'>): TaskRecord => {
  const reading = readRecord(entry.bytes);
  switch (reading.kind) {
    case 'record':
      return reading.record;
    case 'newer': {
      const text = `record version ${reading.version} at ${entry.address} is newer than this program; upgrade it`;
      throw new UnreadableRecordError('RECORD_NEWER', text);
    }
    case 'corrupt':
      throw new UnreadableRecordError('RECORD_CORRUPT', `record at ${entry.address} cannot be read: ${reading.reason}`);
  }
};

/** A copy of which nobody knows whether it was stored is written again. */
const KEEP_TRIES = 3;

/**
 * Before outcomes are written over they are kept beside the record, which the write would bury: for the projections, where
 * not all have them yet (behaviour P6), and for who still asks for the task. With a cause one was not; the task itself was
 * not touched, whatever became of the copies.
 */
const keepOutcomes = async (
  store: Pick<RecordStore, 'write'>,
  address: Address,
  outcomes: readonly TaskRecord[],
): Promise<BatonError | undefined> => {
  for (const { successor: _, ...outcome } of outcomes) {
    // Without what waits behind it: that has a record of its own from here on, and may be further than is known here. One
    // that has its archive mark is marked here, too, and no news to any projection.
    const life = outcome.archived ? { ttlMs: lifeOfMarked(outcome) } : {};
    const options = { outcomeOf: outcome.id, ...life };
    let result = await store.write(address, encodeRecord(outcome), 0, options);
    // Whether it arrived the next try finds out.
    for (let tries = 1; result.kind === 'unknown' && tries < KEEP_TRIES; tries++)
      result = await store.write(address, encodeRecord(outcome), 0, options);
    // A conflict: it is kept already, by a try before this one or by somebody else's.
    if ('cause' in result) return result.cause;
  }
  return undefined;
};

/**
 * How long an ended record that every projection has is there still. One that others wait for stays until they have seen it,
 * whoever is away for a while (behaviour G2).
 */
export const lifeOfMarked = ({ awaited }: TaskRecord): number => (awaited ? AWAITED_TTL_MS : ARCHIVE_TTL_MS);

/** New tasks are refused before the store is full; STORE_FULL. Undefined: there is room. */
export const storeFull = ({ shortage }: Pick<RecordStore, 'shortage'>): BatonError | undefined => {
  if (shortage === undefined) return undefined;
  const text = `no new tasks are taken now: ${shortage}, and what is left is kept for the tasks that are there`;
  return new StoreRefusedError('STORE_FULL', text);
};
