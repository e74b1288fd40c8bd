import type { QueueView } from '@baton/core';
import type { Address } from '@baton/protocols';
import { sumLines } from '@baton/runtime';
import type {
  Credit,
  CreditAnswer,
  CreditReply,
  Dispatch,
  OfferBatch,
  ReadyMessage,
  StandingQuestion,
  StandingReply,
  Subscription,
  WaitingLine,
} from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';

/** One process that listens, and the one way all that comes to it takes: in order, as on one connection. */
type Listener<T> = { readonly process: Process; readonly hear: (message: T) => void };

type Question<T, A> = { readonly message: T; readonly answer: (answer: A | undefined) => void };

/** Who listens where. */
export class DispatchState {
  readonly credits = new Map<string, Set<Listener<Question<{ credit: Credit; toAll: boolean }, CreditAnswer>>>>();
  readonly offers = new Map<string, Set<Listener<OfferBatch>>>();
  readonly told = new Map<string, Set<Listener<ReadyMessage>>>();
  readonly waiting = new Map<string, Set<Listener<Question<undefined, readonly WaitingLine[]>>>>();
  readonly standings = new Map<string, Set<Listener<Question<StandingQuestion, QueueView<Address>>>>>();
  readonly hosts = new Map<string, Set<Listener<undefined>>>();
  readonly pings = new Map<string, Set<Listener<Question<undefined, true>>>>();
}

const ALL = 'all';
/** One offer in so many. */
const WITHOUT_RECORD = 4;

/** Core subjects of dispatch: at most once, in order between two processes. */
export const memoryDispatch = (around: Surroundings, process: Process, state: DispatchState): Dispatch => {
  const inbound = new Pipe<() => void>(around, process, 'dispatch.deliver', (run) => run());
  process.onEnd(() => inbound.close());
  let last: Promise<unknown> = Promise.resolve();

  /** From this process to the server, in order; `arrive` is the server's part. */
  const emit = (arrive: () => void): void => {
    if (!process.isConnected) return;
    const sentOn = process.connection;
    last = Promise.all([last, around.leg()]).then(() => {
      if (process.connection === sentOn) arrive();
    });
  };

  let offers = 0;
  /** As a host without room does, so that workers read records, too. */
  const sometimesWithoutRecord = <T extends { readonly bytes?: Uint8Array }>(offer: T): T => {
    if (++offers % WITHOUT_RECORD !== 0) return offer;
    const { bytes: _, ...rest } = offer;
    return rest as T;
  };

  const publish = <T>(topic: Map<string, Set<Listener<T>>>, subject: string, message: T): void =>
    emit(() => {
      for (const { hear } of connected(topic, subject)) hear(message);
    });

  const subscribe = <T>(
    topic: Map<string, Set<Listener<T>>>,
    subject: string,
    what: string,
    run: (message: T) => void,
  ): Subscription => {
    let open = true;
    const hear = (message: T): void => inbound.push(() => void (open && run(message)), `${what} ${subject}`);
    const listener = { process, hear };
    const listeners = topic.get(subject) ?? new Set();
    topic.set(subject, listeners.add(listener));
    const close = (): void => {
      open = false;
      listeners.delete(listener);
      ended.close();
    };
    const ended = process.onEnd(close);
    return { close };
  };

  /** A question; the first answer counts. */
  const ask = <T, A>(
    topic: Map<string, Set<Listener<Question<T, A>>>>,
    subject: string,
    message: T,
    timeoutMs: number,
  ): Promise<{ readonly kind: 'answered'; readonly answer: A } | { readonly kind: 'nobody' | 'silent' }> =>
    new Promise((resolve) => {
      const timer = process.clock.after(timeoutMs, () => resolve({ kind: 'silent' }));
      const settle = (reply: Parameters<typeof resolve>[0], subjectOf: string): void =>
        inbound.push(() => {
          timer.cancel();
          resolve(reply);
        }, subjectOf);
      emit(() => {
        const listeners = connected(topic, subject);
        if (listeners.length === 0) return settle({ kind: 'nobody' }, `nobody ${subject}`);
        const answer = (given: A | undefined): void => {
          if (given !== undefined) settle({ kind: 'answered', answer: given }, `answer ${subject}`);
        };
        for (const { hear } of listeners) hear({ message, answer });
      });
    });

  return {
    credit: async (credit, to, timeoutMs): Promise<CreditReply> =>
      ask(state.credits, to ?? ALL, { credit, toAll: to === undefined }, timeoutMs),

    onCredit: (supervisor, listener) => {
      const run = ({ message, answer }: Question<{ credit: Credit; toAll: boolean }, CreditAnswer>): void => {
        const given = listener(message.credit, message.toAll);
        emit(() => answer(given));
      };
      const ties = [supervisor, ALL].map((subject) => subscribe(state.credits, subject, 'credit', run));
      return {
        close: () => {
          for (const tie of ties) tie.close();
        },
      };
    },

    rehosted: () => publish(state.hosts, ALL, undefined),
    onRehosted: (listener) => subscribe<undefined>(state.hosts, ALL, 'hosts', () => listener()),
    offer: (worker, batch) =>
      publish(state.offers, worker, { ...batch, offers: batch.offers.map(sometimesWithoutRecord) }),
    onOffer: (worker, listener) => subscribe(state.offers, worker, 'offer', listener),
    tell: (supervisor, message) => publish(state.told, supervisor, message),
    onTold: (supervisor, listener) => {
      const told = subscribe(state.told, supervisor, 'ready', listener);
      const pings = subscribe<Question<undefined, true>>(state.pings, supervisor, 'ping', ({ answer }) =>
        emit(() => answer(true)),
      );
      return {
        close: () => {
          told.close();
          pings.close();
        },
      };
    },
    ping: async (supervisor, timeoutMs) => {
      const { kind } = await ask(state.pings, supervisor, undefined, timeoutMs);
      return kind === 'answered' ? 'there' : kind;
    },
    waiting: async (timeoutMs) => {
      const answers: WaitingLine[][] = [];
      for (const { process: supervisor, hear } of connected(state.waiting, ALL)) {
        if (supervisor.isConnected)
          hear({ message: undefined, answer: (lines) => void answers.push([...(lines ?? [])]) });
      }
      await new Promise<void>((resolve) => void process.clock.after(timeoutMs, resolve));
      return answers.length === 0 ? undefined : sumLines(answers.flat());
    },
    onWaiting: (listener) =>
      subscribe<Question<undefined, readonly WaitingLine[]>>(state.waiting, ALL, 'waiting', ({ answer }) =>
        emit(() => answer(listener())),
      ),
    standing: async (question, timeoutMs): Promise<StandingReply> => {
      const reply = await ask(state.standings, ALL, question, timeoutMs);
      return reply.kind === 'answered' ? { kind: 'answered', view: reply.answer } : reply;
    },
    onStanding: (listener) =>
      subscribe<Question<StandingQuestion, QueueView<Address>>>(state.standings, ALL, 'standing', (question) => {
        const view = listener(question.message);
        emit(() => question.answer(view));
      }),
  };
};

/** The server forgets what a connection listened to when it ends. */
const connected = <T>(topic: Map<string, Set<Listener<T>>>, subject: string): readonly Listener<T>[] =>
  [...(topic.get(subject) ?? [])].filter(({ process }) => process.isConnected);
