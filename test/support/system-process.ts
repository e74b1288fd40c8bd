import { spawn, type ChildProcess } from 'node:child_process';
import { eventually } from './eventually.ts';

export type ProcessExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type ProcessSpec = {
  /** For people: `worker 1`. */
  readonly name: string;
  /** What runs; `node` when not given, with source maps. */
  readonly command?: string;
  /** Arguments of `node`: a built service, then what it is given. Of another command: its own. */
  readonly args: readonly string[];
  /** On top of this process's own environment; `undefined` takes a variable away. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What stands in its output once it is ready. Not waited for when not given. */
  readonly readyWhen?: string;
};

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;

/** One real process of a system under test. What it writes is kept; it can be killed, paused and started anew. */
export class SystemProcess {
  readonly name: string;
  private readonly spec: ProcessSpec;
  private readonly chunks: string[] = [];
  private child: ChildProcess | undefined;
  private over: Promise<ProcessExit> = Promise.resolve({ code: null, signal: null });

  constructor(spec: ProcessSpec) {
    this.name = spec.name;
    this.spec = spec;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Everything it has written so far, all of its starts together. */
  get output(): string {
    return this.chunks.join('');
  }

  /** Resolves when the process that was started last has ended and all it wrote is here. */
  get ended(): Promise<ProcessExit> {
    return this.over;
  }

  /** Starts it, also anew; resolves when it is ready. */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    const from = this.chunks.length;
    this.launch();
    const { readyWhen } = this.spec;
    if (readyWhen === undefined) return;
    await eventually(
      () => {
        const said = this.chunks.slice(from).join('');
        if (said.includes(readyWhen)) return;
        throw new Error(`${this.name} ${this.isRunning ? 'is not ready' : 'has ended'}:\n${said.slice(-4_000)}`);
      },
      { limitMs: START_LIMIT_MS },
    );
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.isRunning || !this.child?.kill(signal)) throw new Error(`${this.name} is not there to be told ${signal}`);
  }

  /** Resolves when it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ProcessExit> {
    this.signal(signal);
    return this.over;
  }

  pause(): void {
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
  }

  /** SIGTERM; fails when it has not ended by itself within `limitMs`. */
  async stop(limitMs: number = STOP_LIMIT_MS): Promise<ProcessExit> {
    if (!this.isRunning) return this.over;
    this.signal('SIGTERM');
    await eventually(() => !this.isRunning, { limitMs });
    return this.over;
  }

  /** For the end of a test: whatever state it is in. */
  async destroy(): Promise<void> {
    if (!this.isRunning) return;
    this.child?.kill('SIGKILL');
    await this.over;
  }

  private launch(): void {
    const { command, args, env } = this.spec;
    const { BATON_TEST_REPORT: _report, ...own } = process.env;
    const child = spawn(command ?? process.execPath, command === undefined ? ['--enable-source-maps', ...args] : args, {
      env: { ...own, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => void this.chunks.push(chunk));
    }
    this.over = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    this.child = child;
  }
}
