import { setTimeout as sleep } from 'node:timers/promises';
import { BatonError, ConfigError, InvalidArgumentError } from './errors.ts';
import { createLog, type Log } from './log.ts';
import type { Link } from './ports/environment.ts';
import { takeStrayError } from './run/stray-error.ts';
import { taskErrorOf } from './run/task-error.ts';
import { readSettings, type Settings } from './settings.ts';
import { misspeltIn } from './settings-misspelt.ts';
import { secretsOf } from './settings-secrets.ts';
import type { SettingReader } from './settings-table.ts';
import { flushTraces } from './trace/tracer.ts';

/**
 * The life all services share: start, run, stop once, end with a code that means something. `startService` touches no
 * process and may run many in one; `runService` is the whole of a `main.ts`.
 */
export const exitCodes = {
  /** Stopped because it was asked to. */
  stopped: 0,
  /** A bug, or something could not be stopped in time. */
  failed: 1,
  /** The settings, or the definitions of tasks, cannot be used: starting again will not help. */
  misconfigured: 2,
  /** A server it needs was not there at the start, or is gone for good. */
  serverLost: 3,
} as const;

/** `abnormal`: nobody asked for the end, something inside is broken; says what (behaviour R10). */
export type StopWhy = { readonly abnormal?: string };

/** Given to the function that builds a service. */
export type ServiceContext = {
  readonly name: string;
  readonly settings: Settings;
  readonly log: Log;
  /** Aborts when the service is asked to stop, also while it still starts. */
  readonly stopping: AbortSignal;
  /** What has to be undone at the end, the last first: stop the actor, then close what it used. */
  readonly onStop: (what: string, stop: (why: StopWhy) => Promise<void> | void) => void;
  /**
   * Opens a connection, and waits for a server that is not there yet: services may be started in any order. Rejects at
   * once with an error that waiting does not help.
   */
  readonly unlessDisconnected: <T>(what: string, open: () => Promise<T>) => Promise<T>;
  /**
   * Ends the service when the link is over for good. Says when it is lost and back, unless the service does: a worker says what
   * runs meanwhile.
   */
  readonly watch: (link: Link, options?: { readonly saysItself: true }) => void;
  /** Ends the service with exit code 1: something inside is broken beyond repair. */
  readonly fail: (error: unknown) => void;
};

export type ServiceStart = (service: ServiceContext) => Promise<void>;

export type ServiceOptions = {
  readonly settings: Settings;
  readonly log: Log;
  /** Longest time everything under `onStop` may take together; beyond it the service ends with code 1. */
  readonly stopLimitMs?: number;
};

export type Service = {
  /** Asks for the end. May be called again; resolves with the exit code when all is undone. Never rejects. */
  readonly stop: (why: string) => Promise<number>;
  readonly fail: (error: unknown) => Promise<number>;
  /** Resolves with the exit code, whatever ended it. Never rejects. */
  readonly ended: Promise<number>;
};

/** A worker's grace and abort handlers fit into it. */
const STOP_LIMIT_MS = 120_000;

type Undo = { readonly what: string; readonly stop: (why: StopWhy) => Promise<void> | void };

/** Starts a service. Resolves at once; a start that fails ends the service, `ended` has the code. */
export const startService = (name: string, start: ServiceStart, options: ServiceOptions): Service => {
  const { settings, log, stopLimitMs = STOP_LIMIT_MS } = options;
  const undos: Undo[] = [];
  const stopping = new AbortController();
  let stopped: Promise<number> | undefined;
  let settle: (code: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    settle = resolve;
  });

  const end = (code: number, why: StopWhy = {}): Promise<number> => {
    stopped ??= undoAll(code, why).then((worst) => {
      log.info({ code: worst }, 'stopped');
      settle(worst);
      return worst;
    });
    return stopped;
  };

  const undoAll = async (code: number, why: StopWhy): Promise<number> => {
    stopping.abort();
    // A start that is on its way gives up by `stopping` or goes through; only then is all that is to be undone known.
    const limit = deadline(stopLimitMs);
    let worst = code;
    if (!(await limit.within(starting))) worst = overdue('start');
    for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
      const { what, stop } = undo;
      const undone = attempt(() => stop(why)).catch((error: unknown) => {
        worst = exitCodes.failed;
        log.error({ err: error, what }, 'could not be stopped cleanly');
      });
      if (!(await limit.within(undone))) worst = overdue(what);
    }
    limit.clear();
    return worst;
  };

  const overdue = (what: string): number => {
    log.error({ what, stopLimitMs }, 'did not stop in time, left behind');
    return exitCodes.failed;
  };

  const fail = (error: unknown): Promise<number> => {
    tell(log, error);
    const code = codeOf(error);
    return end(code, code === exitCodes.failed ? { abnormal: reasonOf(error) } : {});
  };

  // Not in this turn: a start that fails at once would end what is not set up yet.
  const starting: Promise<void> = Promise.resolve()
    .then(() =>
      start({
        name,
        settings,
        log,
        stopping: stopping.signal,
        onStop: (what, stop) => void undos.push({ what, stop }),
        unlessDisconnected: (what, open) => unlessDisconnected(what, open, log, stopping.signal),
        watch: (link, watching) => {
          if (watching === undefined) sayLink(link, log, stopping.signal);
          link.onClosed((cause) => {
            if (!stopping.signal.aborted) void fail(cause);
          });
        },
        fail: (error) => void fail(error),
      }),
    )
    .then(
      () => {
        if (!stopping.signal.aborted) log.info('started');
      },
      (error: unknown) => {
        if (!stopping.signal.aborted) void fail(error);
        else tellBrokenOff(log, error);
      },
    );

  return {
    ended,
    fail,
    stop: (why) => {
      if (stopped === undefined) log.info({ why }, 'stopping');
      return end(exitCodes.stopped);
    },
  };
};

/** What is closed at the end is not lost. */
const sayLink = (link: Link, log: Log, stopping: AbortSignal): void => {
  link.onDisconnect(() => {
    if (!stopping.aborted) log.warn('the connection to NATS was lost');
  });
  link.onReconnect(() => log.info('the connection to NATS is back'));
};

const attempt = async (run: () => Promise<void> | void): Promise<void> => run();

/** One time limit over several waits. */
const deadline = (ms: number) => {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  return {
    /** False when time was up first. */
    within: (work: Promise<void>): Promise<boolean> => Promise.race([work.then(() => true), over]),
    clear: () => clearTimeout(timer),
  };
};

/** Codes of errors that pass: the server is not there, or not yet, or whoever makes the streams. */
const PASSING = new Set(['NOT_CONNECTED', 'OUTCOME_UNKNOWN', 'STORE_TIMEOUT', 'STORE_MISSING', 'MONGO_UNAVAILABLE']);

const OPEN_PAUSE_MS = 1_000;
const STILL_WAITING_MS = 60_000;

const unlessDisconnected = async <T>(
  what: string,
  open: () => Promise<T>,
  log: Log,
  signal: AbortSignal,
): Promise<T> => {
  let saidAt: number | undefined;
  for (;;) {
    try {
      const opened = await open();
      if (saidAt !== undefined) log.info(`${what} is there`);
      return opened;
    } catch (error) {
      if (!(error instanceof BatonError) || !PASSING.has(error.code) || signal.aborted) throw error;
      if (saidAt === undefined || performance.now() - saidAt > STILL_WAITING_MS) {
        saidAt = performance.now();
        log.warn({ code: error.code, reason: error.message }, `waiting for ${what}`);
      }
    }
    // Rejects when the service is asked to stop: the start is broken off.
    await sleep(OPEN_PAUSE_MS * (0.5 + Math.random()), undefined, { signal });
  }
};

/** An error of ours says in its message what to do; of any other the stack is what helps. */
const tell = (log: Log, error: unknown): void => {
  if (error instanceof BatonError) log.fatal({ code: error.code }, error.message);
  else log.fatal({ err: error }, 'failed');
};

/** A start that waited when it was told to stop has no fault: what it waited for was told then. */
const tellBrokenOff = (log: Log, error: unknown): void => {
  const waited = error instanceof BatonError && PASSING.has(error.code);
  const paused = error instanceof Error && error.name === 'AbortError';
  if (!waited && !paused) log.warn({ err: error }, 'the start was broken off');
};

const codeOf = (error: unknown): number => {
  if (error instanceof ConfigError || error instanceof InvalidArgumentError) return exitCodes.misconfigured;
  return error instanceof BatonError ? exitCodes.serverLost : exitCodes.failed;
};

/** Two signals within this are one wish: under npm one Ctrl-C may come from the terminal and from npm. */
const SAME_PRESS_MS = 300;

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * The whole of a `main.ts`: reads the settings, starts, and ends the process with a code of `exitCodes`. SIGTERM,
 * SIGINT and SIGHUP drain; a second one, a moment later, ends at once with 128 + its number. What nobody caught is logged, drains and ends with 1,
 * unless it was raised in a task, which fails then (behaviour X9).
 */
export const runService = async (
  name: Exclude<SettingReader, 'cli' | 'sdk' | 'python'>,
  start: ServiceStart,
): Promise<never> => {
  const settings = settingsOrExit(name);
  const log = createLog({ service: name, level: settings.logLevel, secrets: secretsOf(settings) });
  sayMisspelt(name, log);
  const service = startService(name, start, { settings, log });
  let askedAt = Number.NEGATIVE_INFINITY;
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      const now = performance.now();
      if (now - askedAt < SAME_PRESS_MS) return;
      if (askedAt > 0) process.exit(128 + number);
      askedAt = now;
      void service.stop(signal);
    });
  }
  // A line like every other, and not a text of Node's own on stderr.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn({ warning: warning.name, err: warning }, 'a warning of Node'));
  const uncaught = (error: unknown): void => {
    if (!takeStrayError(error)) void service.fail(asUncaught(error));
  };
  process.on('unhandledRejection', uncaught);
  process.on('uncaughtException', uncaught);
  const code = await service.ended;
  await flushTraces();
  process.exit(code);
};

/** Of what nobody caught, what it was. */
const reasonOf = (error: unknown): string => taskErrorOf(error instanceof UncaughtError ? error.cause : error).message;

/** Even an error of ours is a bug when nobody caught it: code 1, with the stack. */
const asUncaught = (error: unknown): Error => new UncaughtError('nobody caught this', { cause: error });

class UncaughtError extends Error {}

const sayMisspelt = (name: SettingReader, log: Log): void => {
  for (const { variable, meant } of misspeltIn(process.env, name))
    log.warn({ variable, meant }, `${variable} is no setting and is passed over: is ${meant} meant?`);
};

const settingsOrExit = (name: SettingReader): Settings => {
  try {
    return readSettings();
  } catch (error) {
    const log = createLog({ service: name });
    // Also where something else ends it: all faults are told at once.
    sayMisspelt(name, log);
    tell(log, error);
    process.exit(codeOf(error));
  }
};
