import type { Reporter } from '../report.ts';
import type { UnexpectedExit } from './server-process.ts';

/** A server this process has started. All functions may be called in any state and more than once. */
export type LocalServer = {
  readonly name: 'nats' | 'mongo' | 'redis' | 'temporal';
  readonly url: string;
  readonly port: number;
  /** What runs, for people: `nats-server 2.15.2`. */
  readonly version: string;
  /** Where it came from: `path`, `download`, `go`, `wheel`, `debian`, `documentdb`. */
  readonly way: string;
  /** Where its data is. */
  readonly dataDir: string;
  readonly logPaths: readonly string[];
  /** Process numbers, the one that keeps the data first. Empty when it is down. */
  pids(): readonly number[];
  /** Sends a signal as a fault would, SIGKILL unless told, and waits for the end if the signal ends it. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again (ends it first if it runs) on the same port with the same data; ready when the promise settles. */
  restart(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends it in order, by force after some seconds, and lets go of its data folder. */
  stop(): Promise<void>;
};

export type ServerOptions = {
  /** Kept between runs. Without it a temporary folder is used and taken away at the end. */
  readonly dataDir?: string;
  /** When not given: the one its data folder had last, or a free one. A given one that is taken is refused with PORT_TAKEN. */
  readonly port?: number;
  readonly report?: Reporter;
  /** Called when a server ends and nobody asked for it. */
  readonly onUnexpectedExit?: (exit: UnexpectedExit) => void;
};

/** What a server program gets of this process's environment. */
export function serverEnv(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, TZ } = process.env;
  const kept = Object.entries({ PATH, HOME, TMPDIR, TZ }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(kept), ...extra };
}

/** The signals after which a process goes on. */
const HARMLESS: readonly NodeJS.Signals[] = ['SIGSTOP', 'SIGCONT', 'SIGTSTP', 'SIGUSR1', 'SIGWINCH'];

export const endsProcess = (signal: NodeJS.Signals): boolean => !HARMLESS.includes(signal);
