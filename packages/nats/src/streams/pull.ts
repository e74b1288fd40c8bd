import { status } from '../codes.ts';
import { createInbox, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { readDelivery, type Delivery } from './delivery.ts';
import { headersOf } from '../foreign-headers.ts';
import { listen, type FaultListener } from '../wire.ts';
import { NANOS_PER_MS } from '../codes.ts';

export type PullRequest = {
  readonly batch: number;
  /** Absent: what is there now, and no waiting; only with `noWait`. */
  readonly expiresMs?: number;
  /** End as soon as nothing is left after at least one message. */
  readonly noWait?: boolean;
  /** Of a consumer that serves one reader at a time: its group, and what this reader was told to be known by. */
  readonly group?: string;
  readonly pin?: string;
  /** A sign of life this often while there is nothing to give. At most half of `expiresMs`. */
  readonly heartbeatMs?: number;
};

/** `full`: as many as asked for. `over`: time or messages ran out. `broken`: the consumer is gone, moved or unheard. */
export type PullEnd = { readonly kind: 'full' | 'over' } | { readonly kind: 'broken'; readonly reason: string };

export type PullListener = {
  readonly message: (msg: Msg, delivery: Delivery) => void;
  readonly alive: () => void;
  readonly end: (end: PullEnd) => void;
};

/** One pull of one consumer at a time, over a subscription of its own. */
export class Pull {
  private readonly nc: NatsConnection;
  private readonly nextSubject: string;
  private readonly inbox: string;
  private readonly subscription: { readonly close: () => void };
  private listener: PullListener | undefined;
  private serial = 0;
  private left = 0;

  constructor(
    wire: { readonly nc: NatsConnection; readonly onFault: FaultListener; readonly inboxPrefix: string },
    stream: string,
    consumer: string,
  ) {
    this.nc = wire.nc;
    this.nextSubject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.inbox = createInbox(wire.inboxPrefix);
    this.subscription = listen(wire, `${this.inbox}.*`, (msg) => this.hear(msg));
  }

  /** Throws when the connection is closed. A pull before it, if there is one, is given up. */
  start(request: PullRequest, listener: PullListener): void {
    this.listener = listener;
    this.left = request.batch;
    const { batch, expiresMs, noWait, heartbeatMs, group, pin } = request;
    const body = {
      batch,
      ...(expiresMs === undefined ? {} : { expires: expiresMs * NANOS_PER_MS }),
      ...(noWait === true ? { no_wait: true } : {}),
      ...(group === undefined ? {} : { group }),
      ...(pin === undefined ? {} : { id: pin }),
      ...(heartbeatMs === undefined ? {} : { idle_heartbeat: heartbeatMs * NANOS_PER_MS }),
    };
    this.nc.publish(this.nextSubject, JSON.stringify(body), { reply: `${this.inbox}.${++this.serial}` });
  }

  /** Nothing is told any more of the pull under way. */
  abandon(): void {
    this.listener = undefined;
  }

  close(): void {
    this.abandon();
    this.subscription.close();
  }

  private hear(msg: Msg): void {
    const { listener } = this;
    if (listener === undefined) return;
    const delivery = readDelivery(msg.reply);
    if (delivery === undefined) return this.notice(msg, listener);
    const isLast = --this.left <= 0;
    try {
      listener.message(msg, delivery);
    } finally {
      // Also where it throws: the server sends no more than it was asked for.
      if (isLast) this.finish({ kind: 'full' });
    }
  }

  private notice(msg: Msg, listener: PullListener): void {
    // Of a pull before this one.
    if (msg.subject !== `${this.inbox}.${this.serial}`) return;
    const headers = headersOf(msg);
    const code = headers?.code ?? 0;
    if (code === status.heartbeat) return listener.alive();
    if (code === status.noMessages || code === status.requestTimeout) return this.finish({ kind: 'over' });
    this.finish({ kind: 'broken', reason: `${code} ${headers?.description ?? ''}`.trim() });
  }

  private finish(end: PullEnd): void {
    const { listener } = this;
    this.listener = undefined;
    listener?.end(end);
  }
}
