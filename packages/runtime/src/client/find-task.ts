import { decide, taskOf, type ClientCommand, type TaskRecord } from '@baton/core';
import { isTaskId, type Address } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import { recordOf, type Asked, type Held, type Kernel } from '../kernel.ts';
import type { RecordStore } from '../ports/store.ts';

/** The outcome of a task whose key has another one by now, as long as it is kept beside that. Rejects as `RecordStore.load`. */
export const keptOutcome = async (
  store: Pick<RecordStore, 'load'>,
  address: Address,
  id: string,
): Promise<Held | undefined> => {
  if (!isTaskId(id)) return undefined;
  const entry = await store.load(address, id);
  return entry === undefined ? undefined : { record: recordOf(entry), revision: entry.revision };
};

/** `record`: the task as whoever asks for it sees it; `actor`: the record it was found in. */
export type FoundTask = Held & { readonly actor: TaskRecord };

type Parts = { readonly kernel: Pick<Kernel, 'load'>; readonly store: Pick<RecordStore, 'load'> };

/** A task in the record of its address, or what is kept of it beside that. Rejects as `Kernel.load`. */
export const findTask = async (
  { kernel, store }: Parts,
  address: Address,
  id: string,
): Promise<FoundTask | undefined> => {
  const held = await kernel.load(address);
  const record = held && taskOf(held.record, id);
  if (held !== undefined && record !== undefined) return { record, revision: held.revision, actor: held.record };
  const kept = await keptOutcome(store, address, id);
  return kept && { ...kept, actor: kept.record };
};

/**
 * Asks the actor of an address something about one task of it. Where the key has another task by now, what is kept of the one
 * that is meant gives the answer: that it has ended, and not that there is no such task.
 */
export const askForTask = async (
  { kernel, ports: { store } }: { readonly kernel: Kernel; readonly ports: { readonly store: RecordStore } },
  address: Address,
  command: ClientCommand & { readonly id: string },
): Promise<Asked> => {
  const asked = await kernel.ask(address, () => command);
  if (asked.kind !== 'refused' || asked.reason !== 'not_found' || asked.doubt !== undefined) return asked;
  if (asked.held !== undefined && taskOf(asked.held.record, command.id) !== undefined) return asked;
  try {
    const kept = await keptOutcome(store, address, command.id);
    const decision = kept && decide(kept.record, command);
    if (kept === undefined || decision === undefined) return asked;
    if (!decision.ok) return { kind: 'refused', reason: decision.refusal.reason, held: kept };
    // Nothing that has ended is changed any more: what is accepted had been carried out.
    return decision.events.length > 0 ? asked : { kind: 'done', answer: decision.answer, ...kept };
  } catch (cause) {
    if (!(cause instanceof BatonError)) throw cause;
    return { kind: 'failed', cause };
  }
};
