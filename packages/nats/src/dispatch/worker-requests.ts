import { headers as names, untoken } from '@baton/protocols';
import type { WorkRequest, WorkRequests } from '@baton/runtime';
import { headers, type Msg } from '@nats-io/nats-core';
import type { NatsWire } from '../connect.ts';
import { isServiceReply, mayAnswer } from '../connection/inbox.ts';
import { headersOf } from '../foreign-headers.ts';
import { listen } from '../wire.ts';

/** Requests of workers in any language, over core subjects: nothing is stored. */
export const createWork = (wire: NatsWire): WorkRequests => ({
  onRequest: (listener) => listen(wire, wire.names.allWork, (msg) => listener(requestOf(wire, msg))),
});

const requestOf = (wire: NatsWire, msg: Msg): WorkRequest => {
  const [verb = '', ...rest] = msg.subject.slice(wire.names.workPrefix.length).split('.');
  const contentType = headersOf(msg)?.get(names.contentType) ?? '';
  return {
    verb,
    // One token is a type; more are none, and stay what they are.
    ...(rest.length === 0 ? {} : { type: rest.length === 1 ? untoken(rest.join('')) : rest.join('>') }),
    bytes: msg.data,
    ...(contentType === '' ? {} : { contentType }),
    answer: (bytes, type) => answer(wire, msg, bytes, type),
  };
};

const answer = (wire: NatsWire, { reply }: Msg, bytes: Uint8Array, contentType: string): void => {
  if (reply === undefined || !wire.link.connected || !(mayAnswer(wire, reply) || isServiceReply(reply))) return;
  const made = headers();
  made.set(names.contentType, contentType);
  wire.nc.publish(reply, bytes, { headers: made });
};
