import { status } from '../codes.ts';
import { codeOf } from '../foreign-headers.ts';
import { STORE_TIMEOUT_MS } from '@baton/protocols';
import {
  NotConnectedError,
  PayloadTooLargeError,
  StoreRefusedError,
  zeroOutcomes,
  type BatonError,
  type WriteOutcomes,
  type WriteResult,
} from '@baton/runtime';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { StoreBusyError } from '../errors.ts';
import type { Inbox, Waiter } from '../connection/inbox.ts';
import type { Publisher, PublishOptions } from '../wire.ts';
import { readAck, type Ack } from './ack.ts';
import { Gate, type GateLimits } from './gate.ts';
import { headerBlock, headerLines } from './header-bytes.ts';
import { isThrottled, notConnected, resultOf, unknown } from './outcome.ts';

export type PipelineSetup = {
  readonly nc: NatsConnection;
  readonly inbox: Inbox;
  readonly link: { readonly connected: boolean };
  readonly limits: GateLimits;
  /** Finds out why nobody listens on a subject. */
  readonly whyUnheard: (subject: string) => Promise<BatonError>;
};

/** Tries of one publish the server was too busy for, and the longest pause between two. */
const BUSY_TRIES = 6;
const BUSY_PAUSE_MS = 20;

export type Done = (result: WriteResult) => void;
type AckDone = (ack: Ack) => void;

/** What became of one message on the wire. */
type Sent = { readonly ack: AckDone; readonly failed: Done };

/**
 * Publishes with acknowledgement: all answers over one inbox, one object and one map entry a publish.
 *
 * When the connection is lost, what is in flight is `unknown` at once. Its answer went to a connection that is no more
 * and will not be repeated, so waiting longer would only delay the read that settles it. What is published while there
 * is no connection fails at once: the client would keep it in a buffer that it empties at the next dial.
 */
export class AckPipeline implements Publisher {
  readonly gate: Gate;
  /** What came of its own publishes. */
  readonly outcomes = zeroOutcomes();
  private readonly setup: PipelineSetup;

  constructor(setup: PipelineSetup) {
    this.setup = setup;
    this.gate = new Gate(setup.limits);
  }

  publish(subject: string, bytes: Uint8Array, options: PublishOptions = {}): Promise<WriteResult> {
    const deadline = performance.now() + (options.timeoutMs ?? STORE_TIMEOUT_MS);
    const lines = headerLines(options);
    return this.through(bytes.length, deadline, (done) => this.send(subject, bytes, lines, deadline, done));
  }

  /** Runs a write when there is room for it, and counts what comes of it in `outcomes`. */
  through(
    size: number,
    deadline: number,
    write: (done: Done) => void,
    outcomes: WriteOutcomes = this.outcomes,
  ): Promise<WriteResult> {
    if (!this.setup.link.connected) {
      outcomes.failed++;
      return Promise.resolve(DISCONNECTED);
    }
    const { gate } = this;
    const start = (resolve: Done) =>
      write((result) => {
        gate.leave(size);
        outcomes[result.kind]++;
        resolve(result);
      });
    if (gate.tryEnter(size)) return new Promise(start);
    return gate.enter(size, deadline).then((entered) => {
      if (entered) return new Promise(start);
      outcomes.failed++;
      return { kind: 'failed', cause: new StoreBusyError('too many writes are waiting for the server') };
    });
  }

  /** One publish, without a look at what else is in flight. `lines` as `headerLines` makes them. */
  send(subject: string, bytes: Uint8Array, lines: string, deadline: number, done: Done, tries = 1): void {
    this.exchange(subject, bytes, lines, deadline, {
      failed: done,
      ack: (ack) => {
        if (!isThrottled(ack) || tries >= BUSY_TRIES || performance.now() >= deadline)
          return done(resultOf(ack, subject));
        // Nothing was stored. All who were refused come back at different times.
        const pauseMs = Math.min(BUSY_PAUSE_MS, 2 ** tries) * (0.5 + Math.random());
        setTimeout(() => this.send(subject, bytes, lines, deadline, done, tries + 1), pauseMs);
      },
    });
  }

  /** Sends one message and waits for its acknowledgement. */
  exchange(subject: string, bytes: Uint8Array, lines: string, deadline: number, sent: Sent): void {
    if (!this.setup.link.connected) return sent.failed(DISCONNECTED);
    const { inbox } = this.setup;
    const reply = inbox.expect(new Publish(subject, deadline, sent, this.setup));
    const refused = this.post(subject, bytes, lines, reply);
    if (refused === undefined) return;
    inbox.forget(reply);
    sent.failed(refused);
  }

  /** Hands one message to the client. Returns why it did not take it. */
  post(subject: string, bytes: Uint8Array, lines: string, reply: string): WriteResult | undefined {
    try {
      this.setup.nc.publish(subject, bytes, lines === '' ? { reply } : { reply, headers: headerBlock(lines) });
      return undefined;
    } catch (fault) {
      return { kind: 'failed', cause: notSent(subject, bytes, fault) };
    }
  }
}

const DISCONNECTED: WriteResult = notConnected('no connection to NATS: nothing was sent');

class Publish implements Waiter {
  readonly deadline: number;
  readonly subject: string;
  private readonly sent: Sent;
  private readonly setup: PipelineSetup;

  constructor(subject: string, deadline: number, sent: Sent, setup: PipelineSetup) {
    this.subject = subject;
    this.deadline = deadline;
    this.sent = sent;
    this.setup = setup;
  }

  answer(msg: Msg): void {
    const { data } = msg;
    if (data.length > 0) return this.sent.ack(readAck(data));
    if (codeOf(msg) === status.noResponders) return this.unheard();
    this.sent.failed(unknown(`an empty answer to ${this.subject}`));
  }

  expire(): void {
    this.sent.failed(unknown(`no answer to ${this.subject} in time`));
  }

  cut(): void {
    this.sent.failed(unknown(`the connection was lost before ${this.subject} was answered`));
  }

  refuse(cause: BatonError): void {
    this.sent.failed({ kind: 'failed', cause });
  }

  /** No stream listens, so nothing was stored. That is definite; what remains to be found out is why. */
  private unheard(): void {
    const failed = (cause: BatonError) => this.sent.failed({ kind: 'failed', cause });
    this.setup.whyUnheard(this.subject).then(failed, (fault: unknown) => {
      failed(new NotConnectedError('JetStream does not answer: nothing was stored', { cause: fault }));
    });
  }
}

const notSent = (subject: string, bytes: Uint8Array, fault: unknown): BatonError => {
  const text = fault instanceof Error ? fault.message : String(fault);
  if (text.includes('max_payload')) {
    return new PayloadTooLargeError(`${bytes.length} bytes are more than the server takes in one message`, {
      cause: fault,
    });
  }
  if (/clos|drain/i.test(text)) return new NotConnectedError(`nothing was sent: ${text}`, { cause: fault });
  return new StoreRefusedError('STORE_REFUSED', `nothing was sent to ${subject}: ${text}`, { cause: fault });
};
