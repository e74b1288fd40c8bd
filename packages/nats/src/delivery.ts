const NANOS_PER_MS = 1_000_000;

/** What the acknowledgement subject of a delivered message tells about it. */
export type Delivery = {
  /** How often it was given, this time included. */
  readonly deliveries: number;
  readonly streamSequence: number;
  /** Grows by one with every delivery of a consumer: a gap is a message that was lost on the way. */
  readonly consumerSequence: number;
  /** When the message was stored, by the server's clock, milliseconds. */
  readonly storedAt: number;
  /** Messages that wait behind this one. */
  readonly pending: number;
};

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, and the newer form with domain
 * and account before the stream and perhaps a token at the end. Undefined for anything else.
 */
export const readDelivery = (reply: string | undefined): Delivery | undefined => {
  if (reply === undefined || !reply.startsWith('$JS.ACK.')) return undefined;
  const tokens = reply.split('.');
  const at = tokens.length === 9 ? 5 : tokens.length >= 11 ? 7 : -1;
  if (at < 0) return undefined;
  const delivery = {
    deliveries: Number(tokens[at - 1]),
    streamSequence: Number(tokens[at]),
    consumerSequence: Number(tokens[at + 1]),
    storedAt: Math.floor(Number(tokens[at + 2]) / NANOS_PER_MS),
    pending: Number(tokens[at + 3]),
  };
  return Object.values(delivery).every(Number.isSafeInteger) ? delivery : undefined;
};
