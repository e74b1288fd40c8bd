import type { BatonError, Clock, Link, Subscription } from '@baton/runtime';

/**
 * One simulated process: whether it runs, and whether it is connected. Everything that reaches its code, results,
 * messages and timers, goes through `run`, so that a process that is paused is paused and one that was killed is gone.
 */
export type ProcessState =
  | 'up'
  /** Its event loop is busy; its own threads run on. */
  | 'blocked'
  /** Stopped altogether, threads too (SIGSTOP). */
  | 'frozen'
  | 'crashed';

export class Process {
  readonly name: string;
  readonly clock: Clock;
  readonly link: Link;
  /** Changes with every loss of the connection: what was under way under an older one is lost. */
  connection = 0;
  /** Resolves when all that was sent without an answer has arrived, or is lost. */
  sent: Promise<unknown> = Promise.resolve();
  /** The connection that has lost something of it: what came behind is lost too. */
  lostWith = -1;
  state: ProcessState = 'up';
  blockedAt: number | undefined;
  private up = true;
  private over = false;
  private readonly world: Clock;
  private readonly reconnected = new Set<() => void>();
  private readonly disconnected = new Set<() => void>();
  private readonly closed = new Set<(cause: BatonError) => void>();
  private readonly losses = new Set<() => void>();
  private readonly ends = new Set<() => void>();
  private loopJobs: (() => void)[] = [];
  private threadJobs: (() => void)[] = [];

  constructor(name: string, world: Clock, skewMs: () => number) {
    this.name = name;
    this.world = world;
    this.clock = {
      now: () => world.now() + skewMs(),
      monotonic: () => world.monotonic(),
      after: (ms, run) => this.after(ms, run),
    };
    this.link = this.makeLink();
  }

  get isConnected(): boolean {
    return this.up && this.state !== 'crashed';
  }

  /** Runs on the event loop: now, or when it moves again, or never. */
  run(job: () => void): void {
    if (this.state === 'up') job();
    else if (this.state !== 'crashed') this.loopJobs.push(job);
  }

  /** Runs on a thread of its own, which a busy event loop does not hold up. */
  runOnThread(job: () => void): void {
    if (this.state === 'up' || this.state === 'blocked') job();
    else if (this.state === 'frozen') this.threadJobs.push(job);
  }

  block(): void {
    this.halt('blocked');
  }

  freeze(): void {
    this.halt('frozen');
  }

  /** The end of a pause. What came meanwhile comes now, in its order. */
  resume(): void {
    if (this.state === 'crashed') return;
    this.state = 'up';
    this.blockedAt = undefined;
    const jobs = [...this.threadJobs, ...this.loopJobs];
    this.threadJobs = [];
    this.loopJobs = [];
    for (const job of jobs) this.run(job);
  }

  crash(): void {
    if (this.state === 'crashed') return;
    this.state = 'crashed';
    this.loopJobs = [];
    this.threadJobs = [];
    this.connection++;
    for (const end of [...this.ends]) end();
    this.ends.clear();
  }

  disconnect(): void {
    if (!this.isConnected) return;
    this.up = false;
    this.connection++;
    for (const loss of [...this.losses]) loss();
    this.tell(this.disconnected);
  }

  reconnect(): void {
    if (this.up || this.over || this.state === 'crashed') return;
    this.up = true;
    this.tell(this.reconnected);
  }

  /** The connection is over for good. */
  end(cause: BatonError): void {
    if (this.over) return;
    this.over = true;
    this.disconnect();
    for (const listener of [...this.closed]) this.run(() => listener(cause));
  }

  /** Called at once when the connection is lost, before anybody is told. */
  onLoss(listener: () => void): Subscription {
    return registered(this.losses, listener);
  }

  /** Called when the process is killed: whatever the server keeps for its connection goes. */
  onEnd(listener: () => void): Subscription {
    return registered(this.ends, listener);
  }

  private halt(state: 'blocked' | 'frozen'): void {
    if (this.state === 'crashed') return;
    this.state = state;
    this.blockedAt ??= this.world.monotonic();
  }

  private tell(listeners: ReadonlySet<() => void>): void {
    for (const listener of [...listeners]) this.run(listener);
  }

  private after(ms: number, run: () => void): { readonly cancel: () => void } {
    let cancelled = false;
    const timer = this.world.after(ms, () => {
      this.run(() => {
        // A timer that came up during a pause can still be cancelled by what runs before it.
        if (!cancelled) run();
      });
    });
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  private makeLink(): Link {
    const isConnected = (): boolean => this.isConnected;
    return {
      get connected() {
        return isConnected();
      },
      onReconnect: (listener) => registered(this.reconnected, listener),
      onDisconnect: (listener) => registered(this.disconnected, listener),
      onClosed: (listener) => registered(this.closed, listener),
    };
  }
}

/** The same function may listen twice, and closing one of them leaves the other. */
const registered = <A extends readonly unknown[]>(
  listeners: Set<(...args: A) => void>,
  listener: (...args: A) => void,
): Subscription => {
  const own = (...args: A): void => listener(...args);
  listeners.add(own);
  return { close: () => listeners.delete(own) };
};
