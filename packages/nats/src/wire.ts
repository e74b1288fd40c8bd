import type { Names } from '@baton/protocols';
import type { Link, Subscription, WriteResult } from '@baton/runtime';
import type { Msg, NatsConnection } from '@nats-io/nats-core';

/** What the ports of this package share: one connection, one ack pipeline, one namespace. */
export type Wire = {
  readonly nc: NatsConnection;
  readonly names: Names;
  readonly publisher: Publisher;
  readonly api: JetStreamApi;
  readonly link: Link;
  /** Creation time of the tasks bucket, milliseconds. */
  readonly epoch: number;
  /** Copies the streams were made with: 1, 3 or 5. */
  readonly replicas: number;
  /** What reply subjects begin with. */
  readonly inboxPrefix: string;
  /** Where an exception ends that nobody waits for: in a callback, a timer, a clean-up. */
  readonly onFault: FaultListener;
};

/** `where` names the place in a few words, for a log line. Must not throw. */
export type FaultListener = (where: string, fault: unknown) => void;

export type PublishOptions = {
  /** Keys and values are Latin-1 without line breaks; they are not checked again. A list: the same key several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Compare-and-set: the last sequence under the subject must be this one, 0 for none. */
  readonly expected?: number;
  /** Message time to live, whole seconds are kept; the stream must allow it. */
  readonly ttlMs?: number;
  /** Default STORE_TIMEOUT_MS. */
  readonly timeoutMs?: number;
};

export interface Publisher {
  /**
   * Publishes to a JetStream subject and waits for the acknowledgement; `revision` is the sequence. Never rejects.
   * While disconnected it fails at once. Waits, up to its timeout, when too much is in flight.
   */
  publish(subject: string, bytes: Uint8Array, options?: PublishOptions): Promise<WriteResult>;
}

export type Collected = { readonly messages: readonly Msg[]; readonly isAll: boolean };

export interface JetStreamApi {
  /**
   * One request to a `$JS.API` subject (given without that prefix), for what may be repeated without harm. Waits for the
   * connection when there is none. Resolves with the parsed answer, whose `error` is turned into an ApiError. Rejects
   * with ApiError, NotConnectedError or StoreTimeoutError.
   */
  call<T>(subject: string, body?: object, timeoutMs?: number): Promise<T>;
  /**
   * One request that is answered by several messages. Resolves with those that carry something, and whether the server has
   * said that these are all, or else with what came before the time was over or the connection gone. Never rejects.
   */
  collect(subject: string, body: object, timeoutMs: number): Promise<Collected>;
}

/** A subscription whose callback cannot throw: an exception inside one kills the client's socket reader. */
export const listen = (
  wire: Pick<Wire, 'nc' | 'onFault'>,
  subject: string,
  onMessage: (msg: Msg) => void,
): Subscription => {
  const subscription = wire.nc.subscribe(subject, {
    callback: (error, msg) => {
      try {
        if (error) wire.onFault(`subscription ${subject}`, error);
        else onMessage(msg);
      } catch (fault) {
        wire.onFault(`message on ${msg.subject}`, fault);
      }
    },
  });
  return { close: () => subscription.unsubscribe() };
};
