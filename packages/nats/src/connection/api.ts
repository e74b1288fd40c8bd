import { STORE_TIMEOUT_MS } from '@baton/protocols';
import { NotConnectedError, type BatonError } from '@baton/runtime';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { ApiError, StoreTimeoutError } from '../errors.ts';
import { codeOf } from '../foreign-headers.ts';
import type { Inbox } from './inbox.ts';
import type { Collected, JetStreamApi } from '../wire.ts';
import { status } from '../codes.ts';

/** Nobody listens on the subject: JetStream is off, or is just starting or electing a leader. */
export class NoRespondersError extends NotConnectedError {}

export type Gate = { whenUp(waitMs: number): Promise<void> };

type Reply = { readonly kind: 'answer'; readonly msg: Msg } | { readonly kind: 'cut' } | { readonly kind: 'expired' };

export type Answered =
  | { readonly kind: 'answered'; readonly bytes: Uint8Array }
  /** Nobody listens on the subject. */
  | { readonly kind: 'nobody' }
  | { readonly kind: 'silent' };

export const SILENT: Answered = { kind: 'silent' };
const NOBODY: Answered = { kind: 'nobody' };

type ApiAnswer = {
  readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string };
};

/** Requests to `$JS.API`: raw, since the typed client drops fields it does not know and hides what the server said. */
export class Api implements JetStreamApi {
  private readonly nc: NatsConnection;
  private readonly inbox: Inbox;
  private gate: Gate | undefined;

  constructor(nc: NatsConnection, inbox: Inbox) {
    this.nc = nc;
    this.inbox = inbox;
  }

  /** From now on requests wait for the link. Before that, and in its own check, there is nothing to wait for. */
  useGate(gate: Gate): void {
    this.gate = gate;
  }

  async call<T>(subject: string, body?: object, timeoutMs: number = STORE_TIMEOUT_MS): Promise<T> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      await this.gate?.whenUp(until - performance.now());
      const reply = await this.send(subject, body, until);
      if (reply.kind === 'answer') return parse<T>(subject, reply.msg);
      if (reply.kind === 'expired') throw new StoreTimeoutError(`no answer to ${subject} within ${timeoutMs} ms`);
      if (this.gate === undefined || this.inbox.deafness !== undefined) throw this.whyCut();
    }
  }

  /** Without waiting for the link: for the check that decides whether there is one. */
  async probe<T>(subject: string, timeoutMs: number, body?: object): Promise<T> {
    const reply = await this.send(subject, body, performance.now() + timeoutMs);
    if (reply.kind === 'answer') return parse<T>(subject, reply.msg);
    if (reply.kind === 'cut') throw this.whyCut();
    throw new StoreTimeoutError(`no answer to ${subject} within ${timeoutMs} ms`);
  }

  /** Sends bytes to any subject and waits for an empty answer. Rejects when it does not come. */
  async confirm(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<void> {
    const reply = await this.exchange(subject, bytes, performance.now() + timeoutMs);
    if (reply.kind === 'cut') throw new NotConnectedError('the connection to NATS was lost');
    if (reply.kind === 'expired') throw new StoreTimeoutError(`no confirmation within ${timeoutMs} ms`);
    if (codeOf(reply.msg) === status.noResponders) throw new NoRespondersError('nobody is there to confirm');
  }

  /** Sends bytes to a core subject and waits for the answer. `silent`: none in time, or no connection. Never rejects. */
  async request(subject: string, bytes: Uint8Array, timeoutMs: number): Promise<Answered> {
    try {
      const reply = await this.exchange(subject, bytes, performance.now() + timeoutMs);
      if (reply.kind !== 'answer') return SILENT;
      const { msg } = reply;
      const isNobody = msg.data.length === 0 && codeOf(msg) === status.noResponders;
      return isNobody ? NOBODY : { kind: 'answered', bytes: msg.data };
    } catch {
      return SILENT;
    }
  }

  collect(subject: string, body: object, timeoutMs: number): Promise<Collected> {
    return new Promise((resolve) => {
      const messages: Msg[] = [];
      const end = (isAll: boolean): void => resolve({ messages, isAll });
      const endEarly = (): void => end(false);
      const full = `$JS.API.${subject}`;
      const reply = this.inbox.expect({
        deadline: performance.now() + timeoutMs,
        subject: full,
        answer: (msg) => {
          const code = codeOf(msg);
          if (code !== 0) return end(code === status.endOfBatch || code === status.noMessages);
          // One without data is what a deletion by hand leaves.
          if (msg.data.length > 0) messages.push(msg);
          return 'more';
        },
        cut: endEarly,
        expire: endEarly,
        refuse: endEarly,
      });
      try {
        this.nc.publish(full, JSON.stringify(body), { reply });
      } catch {
        this.inbox.forget(reply);
        endEarly();
      }
    });
  }

  private whyCut(): BatonError {
    return this.inbox.deafness ?? new NotConnectedError('the connection to NATS was lost');
  }

  private send(subject: string, body: object | undefined, deadline: number): Promise<Reply> {
    return this.exchange(`$JS.API.${subject}`, body === undefined ? '' : JSON.stringify(body), deadline);
  }

  private exchange(subject: string, bytes: Uint8Array | string, deadline: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const reply = this.inbox.expect({
        deadline,
        subject,
        answer: (msg) => resolve({ kind: 'answer', msg }),
        cut: () => resolve({ kind: 'cut' }),
        expire: () => resolve({ kind: 'expired' }),
        refuse: reject,
      });
      try {
        this.nc.publish(subject, bytes, { reply });
      } catch (fault) {
        this.inbox.forget(reply);
        reject(
          new NotConnectedError(`cannot send: ${fault instanceof Error ? fault.message : String(fault)}`, {
            cause: fault,
          }),
        );
      }
    });
  }
}

const parse = <T>(subject: string, msg: Msg): T => {
  if (msg.data.length === 0 && codeOf(msg) === status.noResponders)
    throw new NoRespondersError('JetStream does not answer');
  const answer = msg.json<T & ApiAnswer>();
  const { error } = answer;
  if (error === undefined) return answer;
  const { code = 0, err_code = 0, description = 'no description' } = error;
  throw new ApiError(err_code, code, `${subject}: ${description} (${err_code})`);
};
