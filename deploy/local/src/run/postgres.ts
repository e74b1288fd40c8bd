import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../find/command.ts';
import type { PostgresProgram } from '../find/documentdb.ts';
import { postgresUser } from '../find/reachable.ts';
import type { RunUser } from '../find/reachable.ts';
import type { Reporter } from '../report.ts';
import { endsProcess, serverEnv } from './local-server.ts';
import { choosePort } from './ports.ts';
import { preparePostgresData } from './postgres-data.ts';
import type { PostgresData } from './postgres-data.ts';
import { childrenOf } from './process-tree.ts';
import { ServerProcess } from './server-process.ts';
import type { ProcessHooks, ProcessSpec } from './server-process.ts';

const READY_LIMIT_MS = 60_000;
const EXTENSION_TIMEOUT_MS = 60_000;
const CRASH_LEFTOVER_LIMIT_MS = 10_000;

/**
 * Also brings an older data folder up to what is installed now. DocumentDB's background workers connect as a role of
 * their own; it gets the one password that the server's environment points to.
 */
const EXTENSION_SCRIPT = `
create extension if not exists documentdb cascade;
alter extension documentdb_core update;
alter extension documentdb update;
\\getenv password PGPASSWORD
select format('alter role %I password %L', rolname, :'password') from pg_roles where rolname = 'documentdb_bg_worker_role' \\gexec
`;

export type PostgresStart = { readonly dataDir: string; readonly hooks: ProcessHooks; readonly report: Reporter };

/** PostgreSQL with the DocumentDB extension, on loopback, with a password of its own. */
export class Postgres {
  readonly logPath: string;
  readonly #program: PostgresProgram;
  readonly #data: PostgresData;
  readonly #hooks: ProcessHooks;
  readonly #user: RunUser | undefined;
  readonly #port: number;
  #running: ServerProcess | undefined;

  private constructor(
    program: PostgresProgram,
    start: PostgresStart,
    data: PostgresData,
    user: RunUser | undefined,
    port: number,
  ) {
    this.#program = program;
    this.#data = data;
    this.#hooks = start.hooks;
    this.#user = user;
    this.#port = port;
    this.logPath = join(start.dataDir, 'postgres.log');
  }

  static async start(program: PostgresProgram, start: PostgresStart): Promise<Postgres> {
    const user = await postgresUser();
    const port = await choosePort('PostgreSQL', undefined);
    const data = await preparePostgresData(program, { ...start, user, port });
    const postgres = new Postgres(program, start, data, user, port);
    try {
      await postgres.#launch();
      await postgres.#ensureExtension();
      return postgres;
    } catch (error) {
      await postgres.stop();
      throw error;
    }
  }

  /** FerretDB gets the address by file: what is on a command line every user of the machine can read. */
  async writeUrlFile(dir: string): Promise<string> {
    const path = join(dir, 'postgresql-url');
    const password = encodeURIComponent(this.#data.password);
    await writeFile(path, `postgres://postgres:${password}@127.0.0.1:${this.#port}/postgres`, { mode: 0o600 });
    return path;
  }

  pids(): readonly number[] {
    return this.#running?.isRunning ? [this.#running.pid] : [];
  }

  /**
   * As if the machine's `kill -9` hit the whole server: after the first process alone is gone, its children would finish
   * what they are at, and the next start would have to wait for them.
   */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const running = this.#running;
    if (!running?.isRunning) return;
    if (!endsProcess(signal)) return running.signal(signal);
    const children = signal === 'SIGKILL' ? childrenOf(running.pid) : [];
    running.expectEnd();
    // Its SIGTERM waits for every client to leave, and FerretDB never does.
    running.signal(signal === 'SIGTERM' ? running.spec.politeSignal : signal);
    for (const pid of children) killQuietly(pid);
    await running.ended;
  }

  async restart(): Promise<void> {
    await this.#running?.stop();
    await this.#launch();
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  async #launch(): Promise<void> {
    const deadlineMs = performance.now() + CRASH_LEFTOVER_LIMIT_MS;
    for (;;) {
      try {
        return await this.#launchOnce();
      } catch (error) {
        // After a crash it refuses to start while a child of the old one still ends.
        if (!/shared memory block/.test(String(error)) || performance.now() > deadlineMs) throw error;
        await sleep(100);
      }
    }
  }

  async #launchOnce(): Promise<void> {
    let isStarting = true;
    const running = new ServerProcess(this.#spec(), {
      ...this.#hooks,
      // While starting, the failure is thrown and needs no second voice.
      onUnexpectedExit: (exit) => isStarting || this.#hooks.onUnexpectedExit(exit),
    });
    this.#running = running;
    try {
      await running.waitUntilReady(() => this.#isReady(running.pid), READY_LIMIT_MS);
      isStarting = false;
    } catch (error) {
      await running.stop(0);
      throw error;
    }
  }

  #spec(): ProcessSpec {
    return {
      program: 'postgres',
      command: join(this.#program.binDir, 'postgres'),
      args: ['-D', this.#data.dir],
      // Its own libraries for it alone, and its password because DocumentDB connects to the server it runs in.
      env: serverEnv({ LD_LIBRARY_PATH: this.#program.libraryPath, PGPASSFILE: this.#data.passwordFile }),
      cwd: this.#data.dir,
      logPath: this.logPath,
      // Ends sessions and shuts down; SIGTERM would wait for every client to leave.
      politeSignal: 'SIGINT',
      ...(this.#user ? { uid: this.#user.uid, gid: this.#user.gid } : {}),
    };
  }

  /** The eighth line of the file says `ready` when it takes connections; `pg_ctl` waits the same way. */
  async #isReady(pid: number): Promise<boolean> {
    const lines = (await readFile(join(this.#data.dir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  }

  async #ensureExtension(): Promise<void> {
    if (await this.#data.hasExtension()) return;
    const script = join(this.#data.place, 'extension.sql');
    await writeFile(script, EXTENSION_SCRIPT);
    const address = ['-h', '127.0.0.1', '-p', String(this.#port), '-U', 'postgres', '-d', 'postgres'];
    await runCommand(
      join(this.#program.binDir, 'psql'),
      ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...address, '-f', script],
      {
        timeoutMs: EXTENSION_TIMEOUT_MS,
        env: serverEnv({ PGPASSWORD: this.#data.password }),
        cwd: '/',
      },
    );
    await this.#data.markExtension();
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended meanwhile.
  }
}
