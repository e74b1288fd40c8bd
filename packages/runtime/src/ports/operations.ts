import type { SubmitOutcome } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { WriteResult } from './store.ts';

/** What a submit with an operation id is going to make, and what became of it once that is known. */
export type Operation = {
  /** Id of the task: of the one that was going to be made, or once it is settled of the one it came to. */
  readonly id: string;
  readonly address: Address;
  readonly settled?: {
    readonly outcome: SubmitOutcome;
    readonly differs: boolean;
    /** The record as it was then, without what may be large. */
    readonly bytes: Uint8Array;
    readonly revision: number;
  };
};

/** Notes of operation ids, by hash, forgotten after a day. */
export interface Operations {
  /** Rejects as `RecordStore.load` does. */
  load(hash: string): Promise<{ readonly operation: Operation; readonly revision: number } | undefined>;
  /** `expected`: the last revision under the hash, 0 for none; absent: whatever is there. Never rejects. */
  write(hash: string, operation: Operation, expected?: number): Promise<WriteResult>;
}
