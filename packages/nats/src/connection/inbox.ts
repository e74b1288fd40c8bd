import { BatonError } from '@baton/runtime';
import { errors, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { AuthorizationFailedError } from '../errors.ts';
import type { FaultListener } from '../wire.ts';

/**
 * Where an answer may be sent: a subject no stream takes. Some of our processes may publish to every subject, so they must
 * not be made to: a question with another place in it could write records or call the API of JetStream through them.
 */
export const isInbox = (subject: string): boolean => INBOX_PATTERN.test(subject);

const INBOX_PATTERN = /^_INBOX[A-Za-z0-9_-]{0,64}(?:\.[A-Za-z0-9_-]{1,64}){1,4}$/;

/**
 * What the server puts in place of the inbox of somebody in another account, who asks by what is exported to him. No
 * stream takes it, and nobody can ask with one of his own: between accounts the server makes it.
 */
export const isServiceReply = (subject: string): boolean => SERVICE_REPLY_PATTERN.test(subject);

const SERVICE_REPLY_PATTERN = /^_R_(?:\.[A-Za-z0-9]{1,64}){1,4}$/;

/** Where roles have inboxes of their own, nobody who asks supervisors for something listens in theirs. */
export const mayAnswer = (wire: { readonly inboxPrefix: string }, to: string): boolean =>
  isInbox(to) && (wire.inboxPrefix === INBOX_PREFIX || !isOwnInbox(wire, to));

export const isOwnInbox = (wire: { readonly inboxPrefix: string }, to: string): boolean =>
  to.startsWith(`${wire.inboxPrefix}.`);

/** Who waits for an answer. `answer` is called until it says that it is all, or one of the others once; none may throw. */
export interface Waiter {
  /** Monotonic milliseconds. */
  readonly deadline: number;
  /** What was published, for a refusal of it. */
  readonly subject: string;
  /** Returns 'more' as long as more is to come. */
  answer(msg: Msg): 'more' | void;
  expire(): void;
  /** The connection is gone, and with it the answer: the server keeps none for us. */
  cut(): void;
  /** The server does not let these credentials publish there: nothing was sent on. */
  refuse(cause: BatonError): void;
}

/** What reply subjects begin with where roles have none of their own. */
export const INBOX_PREFIX = '_INBOX';

/** How late a timeout may be noticed. One sweep for all instead of a timer for each: timers cost more than publishes. */
const SWEEP_MS = 100;

/**
 * All answers of one connection over one subscription: `<inbox>.<token>`, the token says who waits. The client's own
 * request makes a promise with a timer and a trace for each, four times the cost.
 */
export class Inbox {
  private readonly waiting = new Map<string, Waiter>();
  private readonly prefix: string;
  private readonly onFault: FaultListener;
  private sweeper: NodeJS.Timeout | undefined;
  private count = 0;
  private deaf: BatonError | undefined;

  constructor(nc: NatsConnection, inbox: string, onFault: FaultListener) {
    this.prefix = `${inbox}.`;
    this.onFault = onFault;
    nc.subscribe(`${inbox}.*`, {
      callback: (error, msg) => {
        if (error === null) this.dispatch(msg);
        // One that is not let in is told by `hearRefusals`, with what to do.
        else if (!(error instanceof errors.PermissionViolationError)) onFault('reply inbox', error);
      },
    });
  }

  /** The subject to answer to. */
  expect(waiter: Waiter): string {
    const token = (this.count++).toString(36);
    this.waiting.set(token, waiter);
    this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS);
    // Not at once: whoever asks is not done asking.
    if (this.deaf !== undefined) queueMicrotask(() => this.cutAll());
    return this.prefix + token;
  }

  /** Nobody waits any more; nothing is called. */
  forget(reply: string): void {
    this.waiting.delete(reply.slice(this.prefix.length));
  }

  get size(): number {
    return this.waiting.size;
  }

  /** Everything that waits is told that its answer will not come. */
  cutAll(): void {
    const cut = [...this.waiting.values()];
    this.waiting.clear();
    for (const waiter of cut) this.guarded(() => waiter.cut());
  }

  /**
   * The server refused a publish. It says so apart from the answers, with the subject only: everybody who waits for this one
   * is told. Refusals are rare, so nothing is kept ready for them.
   */
  refuse(subject: string): void {
    const cause = permissionDenied(subject);
    for (const [token, waiter] of this.waiting) {
      if (waiter.subject !== subject) continue;
      this.waiting.delete(token);
      this.guarded(() => waiter.refuse(cause));
    }
  }

  /**
   * The server lets us not listen here: no answer comes to anybody, until there is another connection. What was published may
   * have arrived all the same.
   */
  refuseListening(): void {
    this.deaf = inboxDenied(this.prefix.split('.')[0] ?? '');
    this.cutAll();
  }

  /** Why no answer can be heard, where that is so. */
  get deafness(): BatonError | undefined {
    return this.deaf;
  }

  /** Permissions may be others now. */
  listenAgain(): void {
    this.deaf = undefined;
  }

  /** Whether this is what we listen to for answers. */
  isOwn(subject: string): boolean {
    return subject === `${this.prefix}*`;
  }

  close(): void {
    this.cutAll();
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }

  private dispatch(msg: Msg): void {
    try {
      const token = msg.subject.slice(this.prefix.length);
      const waiter = this.waiting.get(token);
      if (waiter === undefined) return; // Too late: it was told that the answer is unknown.
      this.waiting.delete(token);
      if (waiter.answer(msg) === 'more') this.waiting.set(token, waiter);
    } catch (fault) {
      this.onFault('reply inbox', fault);
    }
  }

  private sweep(): void {
    if (this.waiting.size === 0) {
      clearInterval(this.sweeper);
      this.sweeper = undefined;
      return;
    }
    const now = performance.now();
    for (const [token, waiter] of this.waiting) {
      if (waiter.deadline > now) continue;
      this.waiting.delete(token);
      this.guarded(() => waiter.expire());
    }
  }

  private guarded(run: () => void): void {
    try {
      run();
    } catch (fault) {
      this.onFault('reply inbox', fault);
    }
  }
}

/** Tells the inbox what the server refuses, for as long as the connection lives. Rejects when its news cannot be heard. */
export const hearRefusals = async (nc: NatsConnection, inbox: Refusable): Promise<void> => {
  for await (const status of nc.status()) {
    if (status.type === 'reconnect') inbox.listenAgain();
    if (status.type !== 'error' || !(status.error instanceof errors.PermissionViolationError)) continue;
    const { operation, subject } = status.error;
    if (operation === 'publish') inbox.refuse(subject);
    else if (inbox.isOwn(subject)) inbox.refuseListening();
  }
};

type Refusable = Pick<Inbox, 'refuse' | 'refuseListening' | 'listenAgain' | 'isOwn'>;

const inboxDenied = (prefix: string): BatonError =>
  new AuthorizationFailedError(
    `nats-server does not let these credentials hear answers under ${prefix}: ` +
      'set NATS_INBOX_PREFIX (inboxPrefix in the SDK) to the one they may subscribe to',
  );

export const permissionDenied = (subject: string): BatonError =>
  new BatonError('PERMISSION_DENIED', `nats-server does not let these credentials publish to ${subject}`);
