import { isTerminal, taskOf, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { keptOutcome } from '../client/find-task.ts';
import { UnreadableRecordError } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import type { RecordStore } from '../ports/store.ts';

/** What has become of a task. `gone`: it is neither at its address nor kept beside it, and the store was asked. */
export type Fate =
  | { readonly kind: 'ended'; readonly record: TaskRecord }
  | { readonly kind: 'open'; readonly record?: TaskRecord }
  | { readonly kind: 'gone' };

type Parts = { readonly kernel: Pick<Kernel, 'load'>; readonly store: Pick<RecordStore, 'load'> };

const GONE: Fate = { kind: 'gone' };
/** It is there, and only this program cannot read it: a newer one will, or an operator. */
const OPEN: Fate = { kind: 'open' };

/**
 * What has become of these tasks of one address. The record first, then what is kept beside it: an outcome is kept before
 * another task takes the place of the one it is of, so whatever happens in between, one of the two has it.
 */
export const fatesOf = async (
  { kernel, store }: Parts,
  address: Address,
  ids: Iterable<string>,
): Promise<ReadonlyMap<string, Fate>> => {
  const held = await readable(() => kernel.load(address));
  const fates = new Map<string, Fate>();
  for (const id of ids) {
    if (held === 'unreadable') fates.set(id, OPEN);
    else fates.set(id, fateOf(held && taskOf(held.record, id)) ?? (await keptFate(store, address, id)));
  }
  return fates;
};

const keptFate = async (store: Parts['store'], address: Address, id: string): Promise<Fate> => {
  const kept = await readable(() => keptOutcome(store, address, id));
  if (kept === 'unreadable') return OPEN;
  return fateOf(kept?.record) ?? GONE;
};

const fateOf = (record: TaskRecord | undefined): Fate | undefined => {
  if (record === undefined) return undefined;
  return isTerminal(record.status) ? { kind: 'ended', record } : { kind: 'open', record };
};

const readable = async <T>(load: () => Promise<T>): Promise<T | 'unreadable'> => {
  try {
    return await load();
  } catch (error) {
    if (error instanceof UnreadableRecordError) return 'unreadable';
    throw error;
  }
};
