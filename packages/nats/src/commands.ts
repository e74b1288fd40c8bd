import { headers as names, parseAddress, untoken } from '@baton/protocols';
import {
  NotConnectedError,
  type CommandMessage,
  type Commands,
  type CommandSent,
  type CommandVerb,
} from '@baton/runtime';
import { createInbox, headers, type Msg, type MsgHdrs } from '@nats-io/nats-core';
import type { NatsWire } from './connect.ts';
import { readHeaders } from './foreign-headers.ts';
import { sharedConsumers } from './streams/consumers.ts';
import { isOwnInbox, mayAnswer } from './connection/inbox.ts';
import { listen } from './wire.ts';
import { WorkReader, type Work } from './streams/command-reader.ts';

const MSGPACK = 'application/msgpack';
const VERB_PATTERN = /^[A-Za-z0-9_-]{1,50}$/;
/** Characters of a reason in a header. */
const REASON_LENGTH = 500;
const ID_LENGTH = 200;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NOTHING = new Uint8Array();

/** Commands on a work-queue stream, their answers on inboxes. */
export const createCommands = (wire: NatsWire): Commands => {
  const answers = new Answers(wire);
  return {
    send: (command, timeoutMs) => answers.send(command, timeoutMs),

    open: (take, { most }) => {
      const { commands: consumer } = sharedConsumers(wire.names);
      return WorkReader.open(wire, { consumer, most }, (work) => take(messageOf(wire, work)));
    },

    reply: (to, bytes, contentType) => {
      if (!wire.link.connected || !mayAnswer(wire, to)) return;
      wire.nc.publish(to, bytes, { headers: headersOf({ [names.contentType]: contentType }) });
    },

    bury: (message, code, reason) => {
      const verb = VERB_PATTERN.test(message.verb) ? message.verb : 'unknown';
      return wire.publisher.publish(wire.names.deadSubject(verb), message.bytes, {
        headers: {
          ...keptHeaders(message.headers),
          [names.reason]: code,
          [names.message]: ascii(reason).slice(0, REASON_LENGTH),
          [names.subject]: ascii(message.subject).slice(0, REASON_LENGTH),
        },
      });
    },

    find: async (id, timeoutMs, askedOf = 0) => {
      let without = 0;
      try {
        const options = { strategy: 'timer', maxWait: timeoutMs, noMux: true } as const;
        for await (const { data } of await wire.nc.requestMany(wire.names.findSubject, encoder.encode(id), options)) {
          if (data.length > 0) return parseAddress(decoder.decode(data));
          if (++without === askedOf) return 'nowhere';
        }
      } catch {
        // Nobody is there to answer, or no connection.
      }
      return undefined;
    },

    onFind: (where) =>
      listen(wire, wire.names.findSubject, (msg) => {
        // Only supervisors ask; whoever asks for an answer elsewhere wants something written there.
        if (msg.data.length > ID_LENGTH || !isOwnInbox(wire, msg.reply ?? '')) return;
        const place = where(decoder.decode(msg.data));
        if (place !== undefined) msg.respond(place === 'nowhere' ? NOTHING : encoder.encode(place));
      }),
  };
};

const subjectOf = (
  { names: { cancelSubject, signalCommandSubject, submitSubject } }: NatsWire,
  verb: CommandVerb,
  type = '',
) => {
  switch (verb) {
    case 'cancel':
      return cancelSubject;
    case 'signal':
      return signalCommandSubject;
    case 'submit':
      return submitSubject(type);
  }
};

const messageOf = (wire: NatsWire, { msg, delivery, ack, again }: Work): CommandMessage => {
  const { commandPrefix } = wire.names;
  const { subject } = msg;
  const [verb = '', ...rest] = subject.slice(commandPrefix.length).split('.');
  const { headers: sent, isWhole } = readHeaders(msg);
  const contentType = sent?.get(names.contentType);
  const replyTo = sent?.get(names.reply);
  const { streamSequence: sequence, storedAt, deliveries } = delivery;
  return {
    verb,
    // One token is a type; more are none, and stay what they are.
    ...(rest.length === 0 ? {} : { type: rest.length === 1 ? untoken(rest.join('')) : rest.join('>') }),
    bytes: msg.data,
    subject,
    headers: headersIn(sent),
    ...(isWhole ? {} : { badHeaders: true }),
    ...(contentType === undefined || contentType === '' ? {} : { contentType }),
    ...replyOf(wire, replyTo),
    ...{ sequence, storedAt, deliveries, ack, again },
  };
};

const replyOf = (wire: NatsWire, replyTo: string | undefined): Pick<CommandMessage, 'replyTo' | 'badReply'> => {
  if (replyTo === undefined || replyTo === '') return {};
  return mayAnswer(wire, replyTo) ? { replyTo } : { badReply: true };
};

const headersIn = (sent: MsgHdrs | undefined): CommandMessage['headers'] =>
  sent === undefined ? {} : Object.fromEntries(sent.keys().map((key) => [key, sent.values(key)]));

/** What JetStream would act upon, and what a dead letter says itself, is kept under another name. */
const NOT_KEPT_AS_IS = /^(?:nats-|baton-(?:reason|message|subject|sent-))/i;
const SENT_PREFIX = 'Baton-Sent-';
/** Bytes of a publisher's headers that are kept. */
const HEADERS_LIMIT = 64 * 1024;

/** The headers a command came with, for its dead letter. */
const keptHeaders = (sent: CommandMessage['headers']): Readonly<Record<string, readonly string[]>> => {
  const kept: Record<string, readonly string[]> = {};
  let size = 0;
  for (const [key, values] of Object.entries(sent)) {
    const name = NOT_KEPT_AS_IS.test(key) ? `${SENT_PREFIX}${key}` : key;
    size += values.reduce((sum, value) => sum + name.length + 4 + Buffer.byteLength(value), 0);
    if (size > HEADERS_LIMIT) break;
    kept[latin1(name)] = values.map(latin1);
  }
  return kept;
};

/** UTF-8 as what a header is written in byte by byte. */
const latin1 = (text: string): string => Buffer.from(text).toString('latin1');

const headersOf = (fields: Readonly<Record<string, string>>): MsgHdrs => {
  const made = headers();
  for (const [key, value] of Object.entries(fields)) made.set(key, value);
  return made;
};

/** What may stand in a header: no line break, nothing beyond ASCII. */
const ascii = (text: string): string => text.replaceAll(/[^ -~]/g, '?');

/** Commands under way, each waiting for the answer to its own inbox. */
class Answers {
  private readonly wire: NatsWire;
  private readonly waiting = new Map<string, (msg: Msg) => void>();
  private inbox: string | undefined;
  private count = 0;

  constructor(wire: NatsWire) {
    this.wire = wire;
  }

  async send(command: Parameters<Commands['send']>[0], timeoutMs: number): Promise<CommandSent> {
    const { wire } = this;
    const { verb, type, bytes, headers: more } = command;
    const subject = subjectOf(wire, verb, type);
    const until = performance.now() + timeoutMs;
    const token = (this.count++).toString(36);
    const answer = this.answerTo(token);
    try {
      const headers = { ...more, [names.reply]: `${this.ownInbox()}.${token}`, [names.contentType]: MSGPACK };
      const stored = await wire.publisher.publish(subject, bytes, { headers, timeoutMs });
      if (stored.kind === 'conflict') throw new Error('a command was published without an expectation');
      if (stored.kind !== 'written') return stored;
      const msg = await answer.within(until - performance.now());
      // A copy: kept bytes would keep the whole piece of the socket's stream they came in.
      return msg === undefined ? { kind: 'silent' } : { kind: 'answered', bytes: new Uint8Array(msg.data) };
    } catch (fault) {
      if (fault instanceof NotConnectedError) return { kind: 'failed', cause: fault };
      throw fault;
    } finally {
      this.waiting.delete(token);
    }
  }

  private answerTo(token: string) {
    const came = new Promise<Msg>((resolve) => {
      this.waiting.set(token, resolve);
    });
    return {
      within: async (ms: number): Promise<Msg | undefined> => {
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<undefined>((resolve) => {
          timer = setTimeout(() => resolve(undefined), Math.max(0, ms));
        });
        try {
          return await Promise.race([came, late]);
        } finally {
          clearTimeout(timer);
        }
      },
    };
  }

  /** One subscription for all of them, made when the first is sent: on one connection it is there before the command. */
  private ownInbox(): string {
    if (this.inbox === undefined) {
      const inbox = createInbox(this.wire.inboxPrefix);
      listen(this.wire, `${inbox}.*`, (msg) => this.waiting.get(msg.subject.slice(inbox.length + 1))?.(msg));
      this.inbox = inbox;
    }
    return this.inbox;
  }
}
