import { OPERATION_TTL_MS } from '@baton/protocols';
import type { Clock, Operation, Operations } from '@baton/runtime';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, writeResultOf } from './wire.ts';

type Note = { readonly operation: Operation; readonly revision: number; readonly at: number };

/** Notes of operation ids, each forgotten a day after it was written last. */
export class OperationState {
  private readonly clock: Clock;
  private readonly notes = new Map<string, Note>();
  private count = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get(hash: string): Note | undefined {
    const note = this.notes.get(hash);
    return note !== undefined && this.clock.now() - note.at < OPERATION_TTL_MS ? note : undefined;
  }

  /** Undefined: something else stands there. */
  write(hash: string, operation: Operation, expected: number | undefined): number | undefined {
    if (expected !== undefined && (this.get(hash)?.revision ?? 0) !== expected) return undefined;
    this.notes.set(hash, { operation, revision: ++this.count, at: this.clock.now() });
    return this.count;
  }
}

export const memoryOperations = (around: Surroundings, process: Process, state: OperationState): Operations => ({
  load: async (hash) => {
    const note = answerOf(await call(around, process, 'operation.load', hash, () => state.get(hash)));
    return note === undefined ? undefined : { operation: note.operation, revision: note.revision };
  },
  write: async (hash, operation, expected) =>
    writeResultOf(await call(around, process, 'operation.write', hash, () => state.write(hash, operation, expected))),
});
