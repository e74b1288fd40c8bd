import { NotConnectedError, type BatonError, type Link, type Subscription } from '@baton/runtime';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Inbox } from './inbox.ts';
import { closeConnection } from './stale.ts';
import type { FaultListener } from '../wire.ts';

/** How often the server is looked at again without a cause: a bucket can be made anew behind a standing connection. */
const RECHECK_MS = 10_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2_000;

/** Looks at the server and the bucket. Rejects with a BatonError; `fatal` tells the ones that end the link. */
export type Check = { readonly run: () => Promise<void>; readonly fatal: (fault: unknown) => fault is BatonError };

type State = 'up' | 'down' | 'closed';

/**
 * The connection as the runtime sees it. After a reconnect it counts as connected only when the server has been looked
 * at again: it may be older now, or its bucket may be another one, where no revision means what it meant.
 */
export class NatsLink implements Link {
  private readonly nc: NatsConnection;
  private readonly inbox: Inbox;
  private readonly check: Check;
  private readonly onFault: FaultListener;
  private readonly reconnected = new Set<() => void>();
  private readonly disconnected = new Set<() => void>();
  private readonly closed = new Set<(cause: BatonError) => void>();
  private state: State = 'up';
  /** The client has a connection, looked at or not. */
  private wired = true;
  private cause: BatonError | undefined;
  private checking = false;
  private again = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(nc: NatsConnection, inbox: Inbox, check: Check, onFault: FaultListener) {
    this.nc = nc;
    this.inbox = inbox;
    this.check = check;
    this.onFault = onFault;
    this.watch().catch((fault: unknown) => onFault('status of the connection', fault));
    void nc.closed().then((fault) => this.end(closedBy(fault)));
    this.checkIn(RECHECK_MS);
  }

  get connected(): boolean {
    return this.state === 'up';
  }

  /** Why the link is over, when it is. */
  get endedBy(): BatonError | undefined {
    return this.cause;
  }

  onReconnect(listener: () => void): Subscription {
    return added(this.reconnected, listener);
  }

  onDisconnect(listener: () => void): Subscription {
    return added(this.disconnected, listener);
  }

  onClosed(listener: (cause: BatonError) => void): Subscription {
    const { cause } = this;
    if (cause === undefined) return added(this.closed, listener);
    queueMicrotask(() => this.call(() => listener(cause)));
    return { close: () => undefined };
  }

  /** Resolves when connected; rejects with NotConnectedError after `waitMs` and when the link is over. */
  whenUp(waitMs: number): Promise<void> {
    if (this.state === 'up') return Promise.resolve();
    if (this.cause !== undefined) return Promise.reject(over(this.cause));
    return new Promise((resolve, reject) => {
      const settle = (run: () => void) => {
        clearTimeout(timer);
        up.close();
        end.close();
        run();
      };
      const up = this.onReconnect(() => settle(resolve));
      const end = this.onClosed((cause) => settle(() => reject(over(cause))));
      const timer = setTimeout(() => settle(() => reject(new NotConnectedError('no connection to NATS'))), waitMs);
    });
  }

  /** Something looked wrong: look at the server now. */
  suspect(): void {
    if (this.state !== 'closed') void this.verify();
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    await closeConnection(this.nc);
    this.end(new NotConnectedError('the connection was closed by this program'));
  }

  private async watch(): Promise<void> {
    for await (const { type } of this.nc.status()) {
      if (type === 'disconnect') {
        this.wired = false;
        this.lose();
      }
      if (type === 'reconnect') {
        this.wired = true;
        void this.verify();
      }
    }
  }

  private lose(): void {
    if (this.state === 'closed') return;
    // A check under way is cut as well: it must not raise the link by an answer from before.
    const wasUp = this.state === 'up';
    this.state = 'down';
    this.inbox.cutAll();
    if (wasUp) this.tell(this.disconnected);
  }

  private async verify(): Promise<void> {
    if (this.checking) {
      this.again = true;
      return;
    }
    this.checking = true;
    clearTimeout(this.timer);
    let waitMs = RETRY_MIN_MS;
    do {
      this.again = false;
      const passed = await this.passes();
      if (this.state === 'closed') break;
      if (passed && !this.again) this.raise();
      if (!passed) {
        await pause(waitMs * (0.5 + Math.random()));
        waitMs = Math.min(2 * waitMs, RETRY_MAX_MS);
        this.again ||= this.wired && this.state === 'down';
      }
    } while (this.again);
    this.checking = false;
    this.checkIn(RECHECK_MS);
  }

  private async passes(): Promise<boolean> {
    try {
      await this.check.run();
      return true;
    } catch (fault) {
      if (this.check.fatal(fault)) {
        this.end(fault);
        await closeConnection(this.nc);
      }
      return false;
    }
  }

  private raise(): void {
    if (this.state !== 'down') return;
    this.state = 'up';
    this.tell(this.reconnected);
  }

  private end(cause: BatonError): void {
    if (this.state === 'closed') return;
    this.lose();
    this.state = 'closed';
    this.cause = cause;
    clearTimeout(this.timer);
    this.inbox.close();
    for (const listener of [...this.closed]) this.call(() => listener(cause));
  }

  private checkIn(ms: number): void {
    clearTimeout(this.timer);
    if (this.state === 'closed') return;
    this.timer = setTimeout(() => void this.verify(), ms);
    this.timer.unref();
  }

  private tell(listeners: ReadonlySet<() => void>): void {
    for (const listener of [...listeners]) this.call(listener);
  }

  private call(listener: () => void): void {
    try {
      listener();
    } catch (fault) {
      this.onFault('link listener', fault);
    }
  }
}

const added = <T>(listeners: Set<T>, listener: T): Subscription => {
  listeners.add(listener);
  return { close: () => void listeners.delete(listener) };
};

const closedBy = (fault: unknown): BatonError =>
  fault instanceof Error
    ? new NotConnectedError(`the connection to NATS has ended: ${fault.message}`, { cause: fault })
    : new NotConnectedError('the connection to NATS has ended');

const over = (cause: BatonError): NotConnectedError =>
  new NotConnectedError(`the connection to NATS is over: ${cause.message}`, { cause });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
