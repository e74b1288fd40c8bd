import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/nats-core';
import type { PullKind } from './run-queue-ledger.ts';

const NANOS_PER_MS = 1_000_000;

/** Longest wait for the server's word that it has given up our pulls. */
const LEAVE_MS = 2_000;

/** Which pull a notice of the server is about. */
export type PullName = { readonly lane: number; readonly id: number };

/**
 * Sends pull requests and hears the answers on one subscription for all lanes.
 *
 * Messages come under their own subject and tell their lane by it; notices come under `<inbox>.<lane>.<id>`. The inbox
 * is a new one after every reconnect: under the old one the server could still serve pulls from before the cut, which
 * are no longer in our books.
 */
export class PullBox {
  private readonly nc: NatsConnection;
  private readonly onMessage: (error: Error | null, msg: Msg) => void;
  private readonly inboxPrefix: string;
  private inbox = '';
  private subscription: Subscription | undefined;
  private serial = 0;

  /** `onMessage` must not throw: an exception in there kills the client's reader. */
  constructor(nc: NatsConnection, inboxPrefix: string, onMessage: (error: Error | null, msg: Msg) => void) {
    this.nc = nc;
    this.inboxPrefix = inboxPrefix;
    this.onMessage = onMessage;
    this.open();
  }

  /** Leaves all pulls behind. What they still bring is heard until the server has given them up. */
  async renew(): Promise<void> {
    const left = this.leave();
    this.open();
    await left;
  }

  /**
   * The server gives up all pulls; resolves when nothing more can come. Without a connection nobody answers, and nothing
   * can come either: then it is not waited for long.
   */
  async leave(): Promise<void> {
    const former = this.subscription;
    this.subscription = undefined;
    if (former === undefined || former.isClosed() || this.nc.isClosed()) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LEAVE_MS);
    });
    await Promise.race([former.drain(), late]);
    clearTimeout(timer);
  }

  /** `standMs`: how long a standing pull is held by the server. Answers the pull's id. */
  send(nextSubject: string, lane: number, kind: PullKind, count: number, standMs: number): number {
    const id = ++this.serial;
    const stay = kind === 'standing' ? { expires: standMs * NANOS_PER_MS } : { no_wait: true };
    const request = { batch: count, ...stay };
    this.nc.publish(nextSubject, JSON.stringify(request), { reply: `${this.inbox}.${lane}.${id}` });
    return id;
  }

  /** Undefined for a message of the queue; `stale` for a notice about a pull that was left behind. */
  noticed(subject: string): PullName | 'stale' | undefined {
    if (!subject.startsWith(`${this.inboxPrefix}.`)) return undefined;
    if (!subject.startsWith(`${this.inbox}.`)) return 'stale';
    const [lane, id] = subject.slice(this.inbox.length + 1).split('.');
    return { lane: Number(lane), id: Number(id) };
  }

  private open(): void {
    this.inbox = createInbox(this.inboxPrefix);
    this.subscription = this.nc.subscribe(`${this.inbox}.*.*`, { callback: this.onMessage });
  }
}
