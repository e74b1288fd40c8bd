import {
  awaitsCanceller,
  isForQueue,
  isTerminal,
  whyOf,
  type Holder,
  type QueueView,
  type TaskRecord,
  type Why,
} from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Kernel } from '../kernel.ts';
import type { Dispatch } from '../ports/dispatch.ts';
import type { Clock } from '../ports/environment.ts';
import type { RecordStore } from '../ports/store.ts';
import { within } from '../within.ts';
import { findTask } from './find-task.ts';

export type WhyParts = {
  readonly dispatch: Pick<Dispatch, 'standing'>;
  readonly kernel: Pick<Kernel, 'load'>;
  readonly store: Pick<RecordStore, 'load'>;
  readonly clock: Clock;
};

/** The host of a queue answers at once; after this long nobody does. */
const ASK_MS = 2_000;

/** Looking up who holds a limit is a courtesy. */
const HOLDERS_MS = 1_000;

/**
 * Why a task waits (behaviour Q9): its record from the leader, and where it waits in a queue the word of that queue's host.
 * `sees`: whether whoever asks may see the task; it is asked for every holder that is named, too. Undefined: there is no
 * such task for him. Rejects as `Kernel.load` does.
 */
export const whyWaits = async (
  { dispatch, kernel, store, clock }: WhyParts,
  address: Address,
  id: string,
  sees: (record: TaskRecord) => boolean,
): Promise<Why | undefined> => {
  const find = async () => {
    const found = await findTask({ kernel, store }, address, id);
    return found === undefined || !sees(found.record) ? undefined : { actor: found.actor, record: found.record };
  };
  const first = await find();
  if (first === undefined) return undefined;
  const { queue, type, owner } = first.record;
  if (awaitsCanceller(first.record) && owner !== undefined) {
    const reply = await dispatch.standing({ queue, address, type, worker: owner.worker }, ASK_MS);
    return whyOf({ ...first, now: clock.now(), queue: reply });
  }
  if (!isForQueue(first.actor, first.record, clock.now())) return whyOf({ ...first, now: clock.now() });
  const reply = await dispatch.standing({ queue, address, type }, ASK_MS);
  // It may have started while it was asked for.
  const isInLine = reply.kind === 'answered' && reply.view.state === 'waiting';
  const found = isInLine ? first : await find();
  if (found === undefined) return undefined;
  const holders = reply.kind === 'answered' ? await holdersOf({ kernel, clock }, reply.view, sees) : new Map();
  const facts = { ...found, now: clock.now(), holders };
  return isForQueue(found.actor, found.record, facts.now) ? whyOf({ ...facts, queue: reply }) : whyOf(facts);
};

/** By address; those that cannot be read now, or are not to be seen, are left out. */
const holdersOf = async (
  { kernel, clock }: Pick<WhyParts, 'kernel' | 'clock'>,
  { inTheWay }: QueueView<Address>,
  sees: (record: TaskRecord) => boolean,
): Promise<ReadonlyMap<string, Holder>> => {
  const addresses = new Set(inTheWay.flatMap((one) => (one.kind === 'limit' ? one.holders : [])));
  const known = new Map<string, Holder>();
  const look = async (address: Address): Promise<void> => {
    const record = (await kernel.load(address).catch(() => undefined))?.record;
    if (record === undefined || isTerminal(record.status) || record.owner === undefined || !sees(record)) return;
    const { id, type, key, name } = record;
    known.set(address, { id, type, key, name });
  };
  await within(clock, HOLDERS_MS, Promise.all([...addresses].map(look)));
  return new Map(known);
};
