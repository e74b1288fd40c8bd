import { Worker } from 'node:worker_threads';
import {
  NotConnectedError,
  repeatWarning,
  type Lease,
  type LeaseCounts,
  type LeaseListener,
  type NodeChange,
  type NodeInfo,
} from '@baton/runtime';
import type { DialSettings } from '../connection/dial.ts';
import {
  BEAT,
  NOT_RENEWED,
  NOT_SAID,
  RENEWED,
  RUNNING,
  WORDS,
  type FromThread,
  type LeaseTask,
  type ToThread,
} from './lease-messages.ts';
import type { LeaseTimings } from './lease-watch.ts';
import type { FaultListener } from '../wire.ts';

/** How often the event loop shows that it turns. */
const BEAT_MS = 100;

/** A thread that has not begun by then does not begin any more: on a busy machine it takes seconds. */
const THREAD_MS = 30_000;

/** What has come while the event loop was held up is heard before the time is said to be over. */
const HEAR_MS = 250;

/** A thread that ended by itself is started again after this pause. */
const RESTART_MS = 1_000;

export type LeaseSettings = {
  readonly dial: DialSettings;
  readonly subject: string;
  readonly timings: LeaseTimings;
  /** The first renewal must be confirmed within this, once the thread runs. */
  readonly startMs: number;
  readonly onFault: FaultListener;
};

/** The owner's side of the lease thread. */
export class ThreadLease implements Lease {
  private readonly settings: LeaseSettings;
  private readonly listener: LeaseListener;
  private readonly shared = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
  private readonly words = new Int32Array(this.shared);
  private readonly beat: NodeJS.Timeout;
  private info: NodeInfo;
  private thread: Worker | undefined;
  private started: Resolvers<void> | undefined;
  private released: Resolvers<void> | undefined;
  /** Why, as far as it is known. */
  private notRenewed = '';
  private isLost = false;
  private losses = 0;
  private ended = false;

  private constructor(info: NodeInfo, listener: LeaseListener, settings: LeaseSettings) {
    this.info = info;
    this.listener = listener;
    this.settings = settings;
    this.words[RUNNING] = info.running ?? NOT_SAID;
    this.beat = setInterval(() => Atomics.add(this.words, BEAT, 1), BEAT_MS).unref();
  }

  /** Resolves when the server has confirmed the first renewal. Rejects with NotConnectedError. */
  static async start(info: NodeInfo, listener: LeaseListener, settings: LeaseSettings): Promise<ThreadLease> {
    const lease = new ThreadLease(info, listener, settings);
    try {
      await lease.firstHeld();
    } catch (fault) {
      await lease.stop();
      throw fault;
    }
    return lease;
  }

  readonly counts = (): LeaseCounts => ({
    held: !this.isLost && !this.ended,
    renewals: Atomics.load(this.words, RENEWED),
    losses: this.losses,
  });

  readonly update = ({ running, ...change }: NodeChange): void => {
    if (running !== undefined) Atomics.store(this.words, RUNNING, running);
    const before = this.info;
    this.info = { ...before, ...change };
    const isNews = (Object.keys(change) as (keyof typeof change)[]).some((name) => change[name] !== before[name]);
    if (isNews) this.thread?.postMessage({ kind: 'change', change } satisfies ToThread);
  };

  readonly release = async (): Promise<void> => {
    if (this.ended) return;
    this.ended = true;
    if (this.thread !== undefined) await this.giveBack(this.thread);
    await this.stop();
  };

  private async giveBack(thread: Worker): Promise<void> {
    const released = withResolvers<void>();
    this.released = released;
    // Now it does keep the process alive: others wait for the end of the lease otherwise.
    thread.ref();
    thread.postMessage({ kind: 'release' } satisfies ToThread);
    // The thread has a time limit of its own for telling the server; this one is for a thread that hangs or has ended.
    const timer = setTimeout(released.resolve, this.settings.startMs);
    await released.promise;
    clearTimeout(timer);
  }

  private async firstHeld(): Promise<void> {
    const { startMs } = this.settings;
    const started = withResolvers<void>();
    this.started = started;
    const limit = (ms: number, what: string): NodeJS.Timeout =>
      setTimeout(() => {
        timer = setTimeout(() => started.reject(notHeld(`${what} within ${ms} ms${this.notRenewed}`)), HEAR_MS);
      }, ms);
    let timer = limit(THREAD_MS, 'its thread has not begun');
    const thread = this.run();
    thread.once('online', () => {
      if (this.started !== started) return;
      clearTimeout(timer);
      timer = limit(startMs, 'not confirmed');
    });
    try {
      await started.promise;
    } finally {
      clearTimeout(timer);
      this.started = undefined;
    }
  }

  private run(): Worker {
    const { dial, subject, timings } = this.settings;
    const task: LeaseTask = { dial, subject, info: this.info, timings, shared: this.shared };
    const thread = new Worker(new URL('./lease.thread.mjs', import.meta.url), {
      workerData: task,
      // Loaders of the program are for its tasks: a lease that waits for a compiler comes too late on a busy machine.
      execArgv: [],
    });
    // A lease does not keep a process alive that has nothing else to do.
    thread.unref();
    thread.on('message', (news: FromThread) => this.hear(news));
    thread.on('error', (fault) => this.settings.onFault('lease thread', fault));
    thread.on('exit', () => this.exited(thread));
    this.thread = thread;
    return thread;
  }

  private hear(news: FromThread): void {
    switch (news.kind) {
      case 'held':
        this.started?.resolve();
        this.regain();
        return;
      case 'regained':
        this.regain();
        return;
      case 'lost':
        this.lose();
        return;
      case 'unblocked':
        this.call(() => this.listener.unblocked?.(news.afterMs));
        return;
      case 'released':
        this.released?.resolve();
        return;
      case 'superseded':
        this.supersede();
        return;
      case 'warning':
        repeatWarning(news.warning);
        return;
      case 'fault':
        // A renewal that failed is followed by others; whoever could not begin has ended.
        if (news.code === NOT_RENEWED) this.notRenewed = `: ${news.message}`;
        else this.started?.reject(notHeld(`${news.message} (${news.code})`));
        this.settings.onFault('lease', new Error(news.message));
        return;
    }
  }

  private lose(): void {
    if (this.isLost || this.ended) return;
    this.isLost = true;
    this.losses++;
    this.call(this.listener.lost);
  }

  private regain(): void {
    if (!this.isLost || this.ended) return;
    this.isLost = false;
    this.call(this.listener.regained);
  }

  private supersede(): void {
    const { role, id } = this.info;
    this.started?.reject(notHeld(`another process holds the id ${role}.${id}`));
    this.settings.onFault('lease', new Error(`another process was started later as ${role}.${id}; this one gives way`));
    this.lose();
    this.ended = true;
    void this.stop();
  }

  private exited(thread: Worker): void {
    if (this.thread !== thread || this.ended) return;
    this.thread = undefined;
    this.started?.reject(notHeld('its thread has ended'));
    this.lose();
    setTimeout(() => {
      if (!this.ended) this.run();
    }, RESTART_MS).unref();
  }

  private async stop(): Promise<void> {
    this.ended = true;
    clearInterval(this.beat);
    const { thread } = this;
    this.thread = undefined;
    await thread?.terminate();
  }

  private call(listener: () => void): void {
    try {
      listener();
    } catch (fault) {
      this.settings.onFault('lease listener', fault);
    }
  }
}

const notHeld = (why: string): NotConnectedError =>
  new NotConnectedError(`the lease of this process could not be taken: ${why}`);

type Resolvers<T> = {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
};

const withResolvers = <T>(): Resolvers<T> => {
  let resolve!: (value: T) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};
