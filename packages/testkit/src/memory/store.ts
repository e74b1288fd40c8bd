import { RECORD_LIMIT } from '@baton/protocols';
import { StoreRefusedError, type TaskStore, type WriteResult } from '@baton/runtime';
import type { Process } from './process.ts';
import type { Records } from './records.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, writeResultOf } from './wire.ts';

/** The server's own limit; the kernel keeps records below `RECORD_LIMIT`. */
const MESSAGE_LIMIT = RECORD_LIMIT + 4_096;

export const memoryStore = (around: Surroundings, process: Process, records: Records): TaskStore => {
  // Read once, as a program does at connect: it goes on with the epoch of the bucket it knew.
  const { epoch } = records;
  return {
    epoch,
    get shortage() {
      return records.shortage;
    },
    load: async (address, outcomeOf) =>
      answerOf(await call(around, process, 'store.load', address, () => records.read(address, outcomeOf))),
    loadFromCopy: async (address) => {
      const called = await call(around, process, 'store.copy', address, () => records.read(address));
      return called.kind === 'answered' ? called.value : undefined;
    },
    write: async (address, bytes, expected, options = {}) => {
      if (bytes.length > MESSAGE_LIMIT) return tooLarge(bytes.length);
      const called = await call(around, process, 'store.write', address, () => {
        const revision = records.write(address, bytes, expected, process.name, options);
        around.note(process.name, 'stored', address, String(revision ?? `conflict with ${expected}`));
        return revision;
      });
      return writeResultOf(called);
    },
  };
};

const tooLarge = (size: number): WriteResult => ({
  kind: 'failed',
  cause: new StoreRefusedError('STORE_REFUSED', `a message of ${size} bytes is larger than the stream allows`),
});
