import { BatonError, type Clock, type DataStore } from '@baton/runtime';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, type Called } from './wire.ts';

type Stored = { readonly bytes: Uint8Array; readonly at: number };

/** What the object store holds. */
export class DataState {
  private readonly stored = new Map<string, Stored>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  put(name: string, bytes: Uint8Array): void {
    this.stored.set(name, { bytes: bytes.slice(), at: this.clock.now() });
  }

  get(name: string): Stored | undefined {
    return this.stored.get(name);
  }

  remove(name: string): void {
    this.stored.delete(name);
  }

  names(): readonly string[] {
    return [...this.stored.keys()];
  }
}

const PAGE = 100;

export const memoryData = (around: Surroundings, process: Process, data: DataState): DataStore => ({
  put: async (name, bytes) => definite(await call(around, process, 'data.put', name, () => data.put(name, bytes))),
  get: async (name) => answerOf(await call(around, process, 'data.get', name, () => data.get(name)?.bytes.slice())),
  remove: async (name) => answerOf(await call(around, process, 'data.remove', name, () => data.remove(name))),
  names: async function* () {
    const names = answerOf(await call(around, process, 'data.get', '', () => data.names()));
    for (let at = 0; at < names.length; at += PAGE) yield names.slice(at, at + PAGE);
  },
  storedAt: async (name) => answerOf(await call(around, process, 'data.get', name, () => data.get(name)?.at)),
  // Nothing is stored in pieces here.
  removeUnfinished: async () => 0,
});

/** An object that is not known to be stored is not there: there is no third answer. */
const definite = (called: Called<void>): void => {
  if (called.kind === 'unknown') throw new BatonError('STORE_TIMEOUT', called.cause.message, { cause: called.cause });
  answerOf(called);
};
