import type { Clock, Ports } from '@baton/runtime';
import { suite, type TestOptions } from '../support/suite.ts';

/** What a contract suite runs on: one system, empty at the start, that several processes are connected to. */
export type Bench = {
  /** The time of this bench: real, or virtual and passing by itself. */
  readonly clock: Clock;
  /** The ports of the process of that name. The same name gives the same process. */
  readonly ports: (process?: string) => Promise<Ports>;
  /** Breaks all connections of a process, and keeps it from making new ones until `mend`. */
  readonly cut: (process: string) => Promise<void>;
  readonly mend: (process: string) => Promise<void>;
  /** From here on nothing the server says reaches the process, until `mend`. */
  readonly muteServer: (process: string) => Promise<void>;
  /** A request of a worker that is none of the processes: `verb` or `verb.type`. Undefined: no answer in this time. */
  readonly askWork: (what: string, bytes: Uint8Array, timeoutMs: number) => Promise<Uint8Array | undefined>;
  /** Puts something into the event log that is no record. */
  readonly putUnreadable: (bytes: Uint8Array) => Promise<void>;
};

/** Makes a bench, runs the body on it, and takes it down whatever happened. */
export type WithBench = (body: (bench: Bench) => Promise<void>) => Promise<void>;

export type Check = (title: string, body: (bench: Bench) => Promise<void>, options?: TestOptions) => void;

/** Declares and runs one contract for one implementation. */
export const contract = (name: string, withBench: WithBench, declare: (check: Check) => void): void => {
  const test = suite(name);
  declare((title, body, options) => test(title, () => withBench(body), options));
  test.run();
};

/** Repeats an assertion, in the time of the bench, until it holds; throws its last failure when it never does. */
export const until = async <T>(bench: Bench, assertion: () => T | Promise<T>, limitMs = 5_000): Promise<T> => {
  const end = bench.clock.monotonic() + limitMs;
  for (;;) {
    try {
      return await assertion();
    } catch (failure) {
      if (bench.clock.monotonic() >= end) throw failure;
    }
    await pass(bench, 20);
  }
};

/** Lets time pass: for what is about time, and to see that something does not happen. */
export const pass = (bench: Bench, ms: number): Promise<void> =>
  new Promise((resolve) => {
    bench.clock.after(ms, resolve);
  });

/** The rejection of a promise that has to be rejected. */
export const rejectionOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was not rejected');
};
