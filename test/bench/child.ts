import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** What a role says to the one who measures. `done` carries its figures. */
export type RoleMessage =
  | { readonly kind: 'ready' }
  /** The answer to `count`: how many tasks it has run so far. */
  | { readonly kind: 'count'; readonly figures: { readonly ran: number } }
  | { readonly kind: 'done'; readonly figures: Readonly<Record<string, number>> }
  | { readonly kind: 'failed'; readonly reason: string };

export type Child = {
  readonly pid: number;
  /** Resolves with the next message of this kind. */
  readonly next: (kind: 'ready' | 'done' | 'count') => Promise<Readonly<Record<string, number>>>;
  readonly send: (message: string) => void;
  readonly stop: () => Promise<void>;
};

const LIMIT_MS = 300_000;

/** `BENCH_PROFILE=baton-worker` writes a processor profile of that role, or service, to `test/results`. */
export const profileArgs = (role: string): string[] =>
  process.env['BENCH_PROFILE'] === role ? ['--cpu-prof', '--cpu-prof-dir=test/results'] : [];

/** Starts this very bundle again in a role, with a processor share of its own. */
export const startRole = (role: string, env: Readonly<Record<string, string>>): Child => {
  const child = fork(process.argv[1] ?? '', [], {
    execArgv: profileArgs(role),
    env: { ...process.env, ...env, BENCH_ROLE: role },
    stdio: 'inherit',
  });
  const inbox: RoleMessage[] = [];
  let wake: (() => void) | undefined;
  child.on('message', (message) => {
    inbox.push(message as RoleMessage);
    wake?.();
  });
  const exited = once(child, 'exit').then(() => wake?.());
  const next = async (kind: 'ready' | 'done' | 'count'): Promise<Readonly<Record<string, number>>> => {
    const until = performance.now() + LIMIT_MS;
    for (;;) {
      const message = inbox.shift();
      if (message?.kind === 'failed') throw new Error(`${role}: ${message.reason}`);
      if (message?.kind === kind) return message.kind === 'ready' ? {} : message.figures;
      if (message !== undefined) continue;
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${role} ended with ${child.signalCode ?? `code ${child.exitCode}`}`);
      }
      if (performance.now() > until) throw new Error(`${role} said nothing for ${LIMIT_MS} ms`);
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), exited, timeout(1_000)]);
    }
  };
  return { pid: child.pid ?? 0, next, send: (message) => child.send(message), stop: () => stop(child, exited) };
};

const timeout = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

const stop = async (child: ChildProcess, exited: Promise<void>): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exited;
  clearTimeout(timer);
};

/** Sends to the one who measures. */
export const tell = (message: RoleMessage): void => {
  process.send?.(message);
};

/** Resolves when the one who measures says so. */
export const told = (word: string): Promise<void> =>
  new Promise((resolve) => {
    const listen = (message: unknown): void => {
      if (message !== word) return;
      process.off('message', listen);
      resolve();
    };
    process.on('message', listen);
  });

/** Runs `run(i)` for 0 to `count - 1`, at most `width` at once. */
export const inFlight = async (count: number, width: number, run: (i: number) => Promise<void>): Promise<void> => {
  let next = 0;
  const hand = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await run(i);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, hand));
};
