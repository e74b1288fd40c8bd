// Ctrl-C and its like: kill test processes, stop servers, leave with the code a shell expects.
import { killAll } from './run.child.mjs';

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
const stopLimitMs = 15_000;
const pending = new Set();
let stopping = false;

export const isStopping = () => stopping;

/** Something to stop when a signal comes. Returns the way to take it back. */
export const stopLater = (stop) => {
  pending.add(stop);
  return () => pending.delete(stop);
};

export const stopOnSignals = () => {
  process.on('exit', killAll);
  for (const [signal, number] of Object.entries(signals)) {
    process.on(signal, () => {
      if (stopping) return; // npm passes on a Ctrl-C that the terminal has delivered already
      stopping = true;
      killAll();
      const leave = () => process.exit(128 + number);
      setTimeout(leave, stopLimitMs);
      void Promise.allSettled([...pending].map((stop) => stop())).then(leave);
    });
  }
};
