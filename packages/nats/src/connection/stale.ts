import type { NatsConnection } from '@nats-io/nats-core';

/**
 * The client notices a connection without an answer, and then waits until all it had still to send is sent before it
 * gives the connection up. Into a half-open connection nothing can be sent, so once its buffer is full the client waits
 * for as long as the operating system keeps trying, a quarter of an hour. Ending the socket underneath frees it.
 */
export const breakStaleConnections = async (nc: NatsConnection, reconnected: () => void): Promise<void> => {
  for await (const { type } of nc.status()) {
    if (type === 'staleConnection') breakConnection(nc);
    if (type === 'reconnect') reconnected();
  }
};

const CLOSE_MS = 1_000;

/** Closes a connection also when it is half-open. */
export const closeConnection = async (nc: NatsConnection): Promise<void> => {
  const timer = setTimeout(() => breakConnection(nc), CLOSE_MS);
  await nc.close();
  clearTimeout(timer);
};

/** Not part of the client's interface; where its inside looks different the client's own way remains. */
type Inside = { readonly protocol?: { readonly transport?: { readonly socket?: { readonly destroy?: () => void } } } };

/** Ends the socket underneath; the client connects again. */
export const breakConnection = (nc: NatsConnection): void => {
  (nc as unknown as Inside).protocol?.transport?.socket?.destroy?.();
};
