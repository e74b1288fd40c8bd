import { headers, parseAddress, partitionOf, token, type Address, type Lane } from '@baton/protocols';
import type { Dispatch } from '@baton/runtime';
import type { Msg, NatsConnection } from '@nats-io/nats-core';

/** What the run queue's messages look like on the wire. */

const encoder = new TextEncoder();
const ACK = encoder.encode('+ACK');
const HAND_BACK = encoder.encode('-NAK');
const DROP = encoder.encode('+TERM');

/** Tokens of an acknowledgement subject before server 2.15, and the place of the count in both forms. */
const OLD_ACK_TOKENS = 9;
const OLD_ACK_BEHIND = 8;
const NEW_ACK_BEHIND = 10;

/** How many messages wait behind this one in its lane; the server writes it into the acknowledgement subject. */
export const behindOf = (ackSubject: string): number => {
  const tokens = ackSubject.split('.');
  const behind = Number(tokens[tokens.length === OLD_ACK_TOKENS ? OLD_ACK_BEHIND : NEW_ACK_BEHIND]);
  return Number.isSafeInteger(behind) ? behind : 0;
};

/** Splits `<lane prefix>.<hash>`. */
export const splitRunSubject = (subject: string): { readonly prefix: string; readonly hash: string } => {
  const dot = subject.lastIndexOf('.');
  return { prefix: subject.slice(0, dot), hash: subject.slice(dot + 1) };
};

export const addressIn = (lane: Lane, hash: string): Address | undefined =>
  parseAddress(`${partitionOf(hash)}.${token(lane.type)}.${hash}`);

/** The revision a run message was made from; undefined when there is none. */
export const revisionOf = (msg: Msg): number | undefined => {
  const revision = Number(msg.headers?.get(headers.revision));
  return Number.isSafeInteger(revision) && revision > 0 ? revision : undefined;
};

/** Undefined for what no worker can take: it was not written by this protocol. */
export const readDispatch = (nc: NatsConnection, msg: Msg, lane: Lane, hash: string): Dispatch | undefined => {
  const address = addressIn(lane, hash);
  const revision = revisionOf(msg);
  const reply = msg.reply;
  if (address === undefined || revision === undefined || reply === undefined) return undefined;
  return {
    address,
    revision,
    bytes: msg.data,
    lane,
    ack: () => answer(nc, reply, ACK),
    handBack: () => answer(nc, reply, HAND_BACK),
  };
};

export const handBack = (nc: NatsConnection, msg: Msg): void => {
  if (msg.reply !== undefined) answer(nc, msg.reply, HAND_BACK);
};

/** Takes a message out of the queue that would otherwise come again for ever. */
export const drop = (nc: NatsConnection, msg: Msg): void => {
  if (msg.reply !== undefined) answer(nc, msg.reply, DROP);
};

/** Not waited for: an answer that is lost lets the message come again, and the claim is a compare-and-set. */
const answer = (nc: NatsConnection, reply: string, word: Uint8Array): void => {
  if (!nc.isClosed()) nc.publish(reply, word);
};

/** How the server ended a pull, or what it says in between. */
export type PullNotice =
  | { readonly kind: 'alive' }
  | { readonly kind: 'expired'; readonly unfilled: number }
  | { readonly kind: 'not-taken' }
  | { readonly kind: 'dry' }
  /** The consumer is gone, moved, full, or does not understand us. */
  | { readonly kind: 'broken'; readonly reason: string };

export const readNotice = (msg: Msg): PullNotice => {
  const code = msg.headers?.code ?? 0;
  switch (code) {
    case 100:
      return { kind: 'alive' };
    case 404:
      return { kind: 'dry' };
    case 408: {
      const unfilled = msg.headers?.get('Nats-Pending-Messages') ?? '';
      return unfilled === '' ? { kind: 'not-taken' } : { kind: 'expired', unfilled: Number(unfilled) };
    }
    default:
      return { kind: 'broken', reason: `${code} ${msg.headers?.description ?? ''}`.trim() };
  }
};
