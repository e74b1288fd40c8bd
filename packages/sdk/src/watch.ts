import { isTerminal, taskOf, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import {
  BatonError,
  findTask,
  isPassing,
  recordOf,
  type Entry,
  type Held,
  type Kernel,
  type Ports,
  type Subscription,
} from '@baton/runtime';
import { TaskNotFoundError, WaitTimeoutError } from './errors.ts';

export type WatchSettings = {
  readonly ports: Pick<Ports, 'signals' | 'feed' | 'link' | 'clock' | 'store'>;
  readonly kernel: Kernel;
  /** Whether whoever watches may see the task (behaviour S): a subscriber who leaves sees it no more. */
  readonly sees: (record: TaskRecord) => boolean;
};

/** What a listener may leave unread before all but the newest of it is dropped, bytes (behaviour E2). */
const UNREAD_LIMIT = 1024 * 1024;

/** `reset`: versions between the last one told and this one may be missing. */
export type Seen = Held & { readonly reset: boolean };

/** While somebody waits, the store is read again this often: the push path may lose a message without a word. */
const CHECK_MS = 10_000;

/** `end`: who waits is told of ends and new beginnings, by a push. `every`: every version, by a reader of the bucket. */
export type Watching = 'end' | 'every';

/**
 * Follows one task: what is stored first, then what is told of it, newest only, no revision twice and none out of order.
 * A push is at most once, so after a reconnect and now and then the store is read again.
 *
 * Where the key was given to another task and nothing tells any more how this one ended, `next` throws TaskNotFoundError.
 * Which of two tasks is the later one is told by revisions: ids are made before the submit, and the later one may win the
 * key first.
 */
export class TaskWatch {
  private readonly settings: WatchSettings;
  private readonly address: Address;
  private readonly id: string;
  private readonly watching: Watching;
  private readonly subscriptions: Subscription[] = [];
  private seen: Seen[] = [];
  private unread = 0;
  private listening: Promise<void> | undefined;
  private timer: { readonly cancel: () => void } | undefined;
  private revision: number;
  private ended = false;
  /** The record was read: what is pushed from here on follows what was told. */
  private looked = false;
  private failure: unknown;
  private wake: (() => void) | undefined;

  /** `after`: a version of the task that the watcher has; only later ones are told. */
  constructor(settings: WatchSettings, address: Address, id: string, after: number, watching: Watching) {
    this.settings = settings;
    this.address = address;
    this.id = id;
    this.revision = after;
    this.watching = watching;
  }

  /** Also while there is no connection: what is waited for goes on without us, and the reconnect reads it. */
  async open(): Promise<void> {
    const { link } = this.settings.ports;
    this.subscriptions.push(
      link.onReconnect(() => void this.check()),
      link.onClosed((cause) => this.fail(cause)),
    );
    this.checkLater();
    try {
      await this.read();
    } catch (error) {
      if (!comesAgain(error)) throw error;
    }
  }

  async next(): Promise<Seen | undefined> {
    for (;;) {
      const seen = this.seen.shift();
      if (this.seen.length === 0) this.unread = 0;
      if (seen !== undefined) return seen;
      if (this.failure !== undefined) throw asError(this.failure);
      if (this.ended) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Wakes whoever waits in `next` with this error. */
  fail(cause: unknown): void {
    this.failure = cause;
    this.wake?.();
  }

  close(): void {
    this.ended = true;
    this.timer?.cancel();
    for (const subscription of this.subscriptions.splice(0)) subscription.close();
    this.wake?.();
  }

  private checkLater(): void {
    this.timer = this.settings.ports.clock.after(CHECK_MS, () => {
      void this.check().finally(() => {
        if (!this.ended) this.checkLater();
      });
    });
  }

  private async check(): Promise<void> {
    try {
      await this.read();
    } catch (error) {
      if (error instanceof TaskNotFoundError) this.fail(error);
      // Otherwise the store cannot be reached now; the reconnect or the next check reads again.
    }
  }

  /** Listens first, so that nothing is written between the look and the listening. */
  private async read(): Promise<void> {
    this.listening ??= this.listen();
    await this.listening;
    const { kernel, ports } = this.settings;
    const found = await findTask({ kernel, store: ports.store }, this.address, this.id);
    // Whatever is newer than the last push was not pushed, and there may have been more of it.
    if (found !== undefined) this.saw(found, 0, true);
    else if (!this.ended) throw new TaskNotFoundError();
    this.looked = true;
  }

  private async listen(): Promise<void> {
    try {
      const subscription = await this.subscribe();
      if (this.ended) subscription.close();
      else this.subscriptions.push(subscription);
    } catch (error) {
      this.listening = undefined;
      throw error;
    }
  }

  private subscribe(): Promise<Subscription> {
    const { signals, feed } = this.settings.ports;
    if (this.watching === 'end') return signals.onRecord(this.address, (entry) => this.pushed(entry));
    // What was there before is told by the look, which knows that something may be missing before it.
    let isNew = false;
    return feed.followActor(this.address, {
      entry: (entry) => {
        // A copy: a record that is kept would keep all that came with it. What was written behind the look, and before the first was given,
        // stands in for all that was written meanwhile.
        if (isNew || this.looked) this.pushed({ ...entry, bytes: new Uint8Array(entry.bytes) }, isNew);
      },
      caughtUp: () => {
        isNew = true;
      },
      lost: () => {
        // Opened anew by the next look, which tells what was missed.
        this.listening = undefined;
      },
    });
  }

  private pushed(entry: Entry, isWhole = true): void {
    if (entry.revision <= this.revision) return;
    try {
      this.saw({ record: recordOf(entry), revision: entry.revision }, entry.bytes.length, !this.looked || !isWhole);
    } catch (error) {
      this.fail(error);
    }
  }

  private saw(held: Held, size: number, reset: boolean): void {
    const record = taskOf(held.record, this.id);
    if (held.revision <= this.revision) {
      // Known already; nothing follows an end.
      if (record !== undefined && isTerminal(record.status)) this.end();
      return;
    }
    if (record === undefined) {
      // The key has another task now: what ours came to is kept beside it for a while.
      void this.check();
      return;
    }
    if (!this.settings.sees(record)) {
      this.fail(new TaskNotFoundError());
      return;
    }
    this.revision = held.revision;
    this.keep({ record, revision: held.revision, reset }, size);
    if (isTerminal(record.status)) this.ended = true;
    this.wake?.();
  }

  private end(): void {
    this.ended = true;
    this.wake?.();
  }

  /** A listener that does not read must not fill the memory: it is told the newest, and that others are missing. */
  private keep(seen: Seen, size: number): void {
    this.unread += size;
    if (this.unread > UNREAD_LIMIT) {
      this.seen = [{ ...seen, reset: true }];
      this.unread = size;
    } else this.seen.push(seen);
  }
}

const asError = (failure: unknown): Error => (failure instanceof Error ? failure : new Error(String(failure)));

/** Passing for others, and not for this program as it stands. */
const FOR_GOOD: ReadonlySet<string> = new Set(['EPOCH_CHANGED', 'RECORD_NEWER']);

/** A store that did not answer now, or said no for a moment: nothing is wrong with the task, and it is read again. */
const comesAgain = (error: unknown): boolean =>
  error instanceof BatonError && isPassing(error) && !FOR_GOOD.has(error.code);

/** Resolves with the terminal record. Throws WaitTimeoutError, or TaskNotFoundError when the end cannot be seen here. */
export const waitForEnd = async (
  settings: WatchSettings,
  address: Address,
  id: string,
  known: number,
  timeoutMs: number | undefined,
): Promise<Held> => {
  const watch = new TaskWatch(settings, address, id, known - 1, 'end');
  const timer =
    timeoutMs === undefined
      ? undefined
      : settings.ports.clock.after(timeoutMs, () => watch.fail(new WaitTimeoutError(timeoutMs)));
  try {
    await watch.open();
    for (let held = await watch.next(); held !== undefined; held = await watch.next()) {
      if (isTerminal(held.record.status)) return held;
    }
    throw new TaskNotFoundError();
  } finally {
    timer?.cancel();
    watch.close();
  }
};
