import { NODE_ID_PATTERN } from '@baton/protocols';
import { InvalidArgumentError, type Credit, type CreditReply, type Dispatch } from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';
import type { NatsWire } from '../connect.ts';
import { isInbox, isServiceReply } from '../connection/inbox.ts';
import { listen } from '../wire.ts';
import {
  decodeAnswer,
  decodeCredit,
  decodeOffers,
  decodeReady,
  encodeAnswer,
  encodeCredit,
  encodeOffers,
  encodeReady,
  encodeWaiting,
} from './messages.ts';
import { decodeQuestion, decodeView, encodeQuestion, encodeView } from './standing.ts';
import { askWaiting } from './waiting.ts';

const NOTHING = new Uint8Array();

/** Lines in one answer; a message has to stay below `max_payload`. */
const MOST_LINES = 3_000;

/** Dispatch over core subjects: nothing is stored. */
export const createDispatch = (wire: NatsWire): Dispatch => {
  const { names } = wire;
  /** What is pushed without a connection is lost, as is allowed here. Never throws. */
  const push = (what: string, subject: () => string, bytes: () => Uint8Array): void => {
    if (!wire.link.connected) return;
    try {
      wire.nc.publish(subject(), bytes());
    } catch (fault) {
      wire.onFault(what, fault);
    }
  };
  return {
    credit: async (credit: Credit, to, timeoutMs): Promise<CreditReply> => {
      const subject = to === undefined ? names.creditSubject('all') : names.creditSubject(checked(to));
      const reply = await wire.request(subject, encodeCredit(credit), timeoutMs);
      return reply.kind === 'answered' ? { kind: 'answered', answer: decodeAnswer(reply.bytes) } : reply;
    },

    onCredit: (supervisor, listener) => {
      const hear = (toAll: boolean) => (msg: Msg) => {
        const answer = listener(decodeCredit(msg.data), toAll);
        if (answer !== undefined) respond(wire, msg, encodeAnswer(answer));
      };
      const own = listen(wire, names.creditSubject(checked(supervisor)), hear(false));
      const all = listen(wire, names.creditSubject('all'), hear(true));
      return {
        close: () => {
          own.close();
          all.close();
        },
      };
    },

    rehosted: () =>
      push(
        'hosts',
        () => names.hostsSubject,
        () => NOTHING,
      ),

    onRehosted: (listener) => listen(wire, names.hostsSubject, () => listener()),

    offer: (worker, batch) =>
      push(
        'offer',
        () => names.offerSubject(checked(worker)),
        () => encodeOffers(batch),
      ),

    onOffer: (worker, listener) =>
      listen(wire, names.offerSubject(checked(worker)), ({ data }) => listener(decodeOffers(data))),

    tell: (supervisor, message) =>
      push(
        'ready tasks',
        () => names.readySubject(checked(supervisor)),
        () => encodeReady(message),
      ),

    onTold: (supervisor, listener) =>
      listen(wire, names.readySubject(checked(supervisor)), (msg) => {
        // A ping: somebody wants to know whether this supervisor is there.
        if (msg.data.length === 0) respond(wire, msg, NOTHING);
        else listener(decodeReady(msg.data));
      }),

    ping: async (supervisor, timeoutMs) => {
      const { kind } = await wire.request(names.readySubject(checked(supervisor)), NOTHING, timeoutMs);
      return kind === 'answered' ? 'there' : kind;
    },

    waiting: (timeoutMs) => askWaiting(wire, timeoutMs),

    onWaiting: (listener) =>
      listen(wire, names.waitingSubject, (msg) => respond(wire, msg, encodeWaiting(listener().slice(0, MOST_LINES)))),

    standing: async (question, timeoutMs) => {
      const reply = await wire.request(names.standingSubject, encodeQuestion(question), timeoutMs);
      if (reply.kind !== 'answered') return reply;
      try {
        return { kind: 'answered', view: decodeView(reply.bytes) };
      } catch (fault) {
        wire.onFault('where a task stands', fault);
        return { kind: 'silent' };
      }
    },

    onStanding: (listener) =>
      listen(wire, names.standingSubject, (msg) => {
        const view = listener(decodeQuestion(msg.data));
        if (view !== undefined) respond(wire, msg, encodeView(view));
      }),
  };
};

/** To an inbox, or to where an account's own goes, and nowhere else: an answer is no way to write into a stream. */
const respond = (wire: NatsWire, { reply }: Msg, bytes: Uint8Array): void => {
  if (reply !== undefined && (isInbox(reply) || isServiceReply(reply))) wire.nc.publish(reply, bytes);
};

/** What may stand in a subject. Anything else could listen to everybody's messages, or to none. */
const checked = (id: string): string => {
  if (NODE_ID_PATTERN.test(id) && id !== 'all') return id;
  throw new InvalidArgumentError(`an id is 1 to 100 letters, digits, '-' and '_', and not 'all'; got '${id}'`);
};
