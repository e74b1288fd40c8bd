import { NANOS_PER_MS } from '../codes.ts';

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
  // Read from dot to dot without making a text of each: this runs for every message of every reader.
  let count = 0;
  for (let dot = reply.indexOf('.'); dot >= 0 && count < DOTS.length; dot = reply.indexOf('.', dot + 1)) {
    DOTS[count++] = dot;
  }
  const at = count === 8 ? 4 : count >= 10 ? 6 : -1;
  if (at < 0) return undefined;
  const deliveries = numberBehind(reply, at - 1, count);
  const streamSequence = numberBehind(reply, at, count);
  const consumerSequence = numberBehind(reply, at + 1, count);
  const storedAt = Math.floor(numberBehind(reply, at + 2, count) / NANOS_PER_MS);
  const pending = numberBehind(reply, at + 3, count);
  const isOne = deliveries >= 0 && streamSequence >= 0 && consumerSequence >= 0 && storedAt >= 0 && pending >= 0;
  return isOne ? { deliveries, streamSequence, consumerSequence, storedAt, pending } : undefined;
};

/** Where the dots are. Reused: reading never waits. */
const DOTS = new Int32Array(12);

/** The digits between that dot and the next one; below 0: there is something else. */
const numberBehind = (text: string, dot: number, dots: number): number => {
  const start = DOTS[dot]! + 1;
  const end = dot + 1 < dots ? DOTS[dot + 1]! : text.length;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return start < end ? value : -1;
};
