import type { OfferedTask } from '../dispatch/queue-client.ts';
import type { TaskStore } from '../ports/store.ts';

/** What is looked at before a claim: the record of the offer, or of a later version. */
export type OfferedRecord = Pick<OfferedTask, 'address' | 'revision' | 'bytes'>;

/**
 * For an offer that came without its record: the record, where a copy of the bucket has it in no older version. Else the
 * claim reads it from the leader.
 */
export const withRecord = async (
  store: Pick<TaskStore, 'loadFromCopy'>,
  { address, revision }: OfferedRecord,
): Promise<OfferedRecord> => {
  const entry = await store.loadFromCopy(address);
  return entry === undefined || entry.revision < revision ? { address, revision } : entry;
};
