import { InvalidArgumentError, type Credit, type CreditReply, type Dispatch, type StandingReply } from '@baton/runtime';
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
  isNode,
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
  /** Whoever else answers there, or one of a later version, has said nothing that could be read. */
  const read = <T>(what: string, reading: () => T): T | { readonly kind: 'silent' } => {
    try {
      return reading();
    } catch (fault) {
      wire.onFault(what, fault);
      return { kind: 'silent' };
    }
  };
  return {
    credit: async (credit: Credit, to, timeoutMs): Promise<CreditReply> => {
      const subject = to === undefined ? names.creditSubject('all') : names.creditSubject(checked(to));
      const reply = await wire.request(subject, encodeCredit(credit), timeoutMs);
      return reply.kind === 'answered' ? read('answer to a credit', () => answered(reply.bytes)) : reply;
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
      return reply.kind === 'answered' ? read('where a task stands', () => viewed(reply.bytes)) : reply;
    },

    onStanding: (listener) =>
      listen(wire, names.standingSubject, (msg) => {
        const view = listener(decodeQuestion(msg.data));
        if (view !== undefined) respond(wire, msg, encodeView(view));
      }),
  };
};

const answered = (bytes: Uint8Array): CreditReply => ({ kind: 'answered', answer: decodeAnswer(bytes) });

const viewed = (bytes: Uint8Array): StandingReply => ({ kind: 'answered', view: decodeView(bytes) });

/** To an inbox, or to where an account's own goes, and nowhere else: an answer is no way to write into a stream. */
const respond = (wire: NatsWire, { reply }: Msg, bytes: Uint8Array): void => {
  if (reply !== undefined && (isInbox(reply) || isServiceReply(reply))) wire.nc.publish(reply, bytes);
};

const checked = (id: string): string => {
  if (isNode(id)) return id;
  throw new InvalidArgumentError(`an id is 1 to 100 letters, digits, '-' and '_', and not 'all'; got '${id}'`);
};
