import { describe, isError, takeStrayError, taskErrorOf, type Log } from '@baton/runtime';

type Drain = (why: string) => Promise<void>;

/** Longest time running tasks may take to be given back before the process ends. */
const LEAVE_LIMIT_MS = 10_000;

/** Its bug has shown; whoever starts it again decides what then. */
const EXIT_CODE = 1;

const drains = new Map<Drain, Log>();
let isLeaving = false;

/**
 * While a worker runs in this process, what nobody catches in a task fails that task, and its neighbours go on. What
 * nobody catches elsewhere is the program's matter: where it listens itself nothing is done; otherwise it would end the
 * process at once, and ends it with the same code after the running tasks have been given back (behaviour X9).
 *
 * Returns what ends it for this worker.
 */
export const guardStrays = (drain: Drain, log: Log): (() => void) => {
  if (drains.size === 0) {
    process.on('unhandledRejection', rejected);
    process.on('uncaughtException', thrown);
  }
  drains.set(drain, log);
  return () => {
    drains.delete(drain);
    if (drains.size > 0) return;
    process.off('unhandledRejection', rejected);
    process.off('uncaughtException', thrown);
  };
};

const rejected = (reason: unknown): void => {
  if (takeStrayError(reason) || process.listenerCount('unhandledRejection') > 1) return;
  // As Node does where nobody listens: it becomes an exception, for `thrown` or for what the program has.
  throw isError(reason) ? reason : new Error(`nobody caught a rejection with ${describe(reason)}`);
};

const thrown = (error: unknown): void => {
  if (takeStrayError(error) || process.listenerCount('uncaughtException') > 1) return;
  // The log of a library may be silent; this must not be.
  process.stderr.write(`${describe(error)}\n`);
  if (isLeaving) return;
  isLeaving = true;
  const { message } = taskErrorOf(error);
  for (const log of new Set(drains.values()))
    log.fatal({ err: taskErrorOf(error) }, 'nobody caught this: the worker drains and ends');
  setTimeout(() => process.exit(EXIT_CODE), LEAVE_LIMIT_MS);
  void Promise.allSettled([...drains.keys()].map((drain) => drain(message))).then(() => process.exit(EXIT_CODE));
};
