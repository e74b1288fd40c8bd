import { NANOS_PER_MS } from '../codes.ts';
import { NotConnectedError, type Closing, type Subscription } from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';
import type { NatsWire } from '../connect.ts';
import type { Delivery } from './delivery.ts';
import { ensureConsumer, type WantedConsumer } from './consumers.ts';
import { Pull, type PullEnd } from './pull.ts';

const PULL_MS = 30_000;
const HEARTBEAT_MS = 5_000;
/** Without a sign of life for this long the pull is begun anew; looked at every `LOOK_MS`. */
const SILENCE_MS = 15_000;
const LOOK_MS = 5_000;
/** Before a consumer that is gone or moved is looked for again. */
const MEND_MS = 500;
/** Before what could not be taken comes again. */
const THROWN_MS = 5_000;
/** How long what is in hand may take when the reader is closed. */
const CLOSE_MS = 5_000;

const encoder = new TextEncoder();
const ACK = encoder.encode('+ACK');

export type WorkReaderSettings = {
  /** Shared by all who read: each message goes to one of them. */
  readonly consumer: WantedConsumer;
  /** Messages in hand at the same time. */
  readonly most: number;
};

export type Work = {
  readonly msg: Msg;
  readonly delivery: Delivery;
  readonly ack: () => void;
  /** It comes again, to somebody, after so long. */
  readonly again: (ms: number) => void;
};

/**
 * Takes work from a durable consumer, as much at a time as is allowed to be in hand. It finds its way back by itself: after
 * a reconnect, a consumer that was deleted, a leader that moved, and a server that went silent.
 */
export class WorkReader implements Closing {
  private readonly wire: NatsWire;
  private readonly settings: WorkReaderSettings;
  private readonly take: (work: Work) => void;
  private readonly pull: Pull;
  private readonly ties: readonly Subscription[];
  private readonly watch: NodeJS.Timeout;
  private inHand = 0;
  private pulling = false;
  private mending: NodeJS.Timeout | undefined;
  private heardAt = 0;
  private checkedAt = performance.now();
  private closed = false;
  private idle: (() => void) | undefined;

  /** Rejects when the consumer cannot be made. */
  static async open(wire: NatsWire, settings: WorkReaderSettings, take: (work: Work) => void): Promise<WorkReader> {
    await ensureConsumer(wire, settings.consumer);
    return new WorkReader(wire, settings, take);
  }

  private constructor(wire: NatsWire, settings: WorkReaderSettings, take: (work: Work) => void) {
    this.wire = wire;
    this.settings = settings;
    this.take = take;
    this.pull = new Pull(wire, settings.consumer.stream, settings.consumer.name);
    this.ties = [wire.link.onDisconnect(() => this.giveUp()), wire.link.onReconnect(() => this.pump())];
    this.watch = setInterval(() => this.look(), Math.min(LOOK_MS, wire.consumerCheckMs));
    this.watch.unref();
    this.pump();
  }

  /** Takes nothing more; what is in hand may end. */
  readonly close = async (): Promise<void> => {
    this.closed = true;
    clearInterval(this.watch);
    clearTimeout(this.mending);
    for (const tie of this.ties) tie.close();
    this.pull.close();
    if (this.inHand === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_MS);
      this.idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  };

  /** Half of the room has to be free, so that a reader which is busy does not ask for one message at a time. */
  private pump(): void {
    const room = this.settings.most - this.inHand;
    if (this.closed || this.pulling || this.mending !== undefined || !this.wire.link.connected) return;
    if (room * 2 < this.settings.most) return;
    this.pulling = true;
    this.hear();
    try {
      this.pull.start(
        { batch: room, expiresMs: PULL_MS, heartbeatMs: HEARTBEAT_MS },
        {
          message: (msg, delivery) => this.give(msg, delivery),
          alive: () => this.hear(),
          end: (end) => this.ended(end),
        },
      );
    } catch (fault) {
      this.giveUp();
      this.wire.onFault(`reader of ${this.settings.consumer.stream}`, fault);
    }
  }

  private give(msg: Msg, delivery: Delivery): void {
    this.hear();
    this.inHand++;
    let answered = false;
    const answer = (word: Uint8Array): void => {
      if (answered) return;
      answered = true;
      // An answer that is lost lets the message come again; whoever takes it knows a repeat.
      if (msg.reply !== undefined && this.wire.link.connected) this.wire.nc.publish(msg.reply, word);
      this.inHand--;
      if (this.inHand === 0) this.idle?.();
      this.pump();
    };
    const again = (ms: number): void => answer(encoder.encode(`-NAK {"delay": ${Math.round(ms * NANOS_PER_MS)}}`));
    try {
      this.take({ msg, delivery, ack: () => answer(ACK), again });
    } catch (fault) {
      // Nobody has it in hand.
      again(THROWN_MS);
      throw fault;
    }
  }

  private ended(end: PullEnd): void {
    this.hear();
    this.pulling = false;
    if (end.kind === 'broken') this.mendSoon();
    else this.pump();
  }

  private giveUp(): void {
    this.pull.abandon();
    this.pulling = false;
  }

  private mendSoon(): void {
    if (this.closed) return;
    this.mending ??= setTimeout(() => void this.mend(), MEND_MS);
  }

  private async mend(): Promise<void> {
    this.checkedAt = performance.now();
    try {
      await ensureConsumer(this.wire, this.settings.consumer);
      this.mending = undefined;
      this.pump();
    } catch (fault) {
      this.mending = undefined;
      // Without a connection the reconnect begins anew.
      if (fault instanceof NotConnectedError) return;
      this.wire.onFault(`reader of ${this.settings.consumer.stream}`, fault);
      this.mendSoon();
    }
  }

  private hear(): void {
    this.heardAt = performance.now();
  }

  private look(): void {
    if (!this.wire.link.connected || this.mending !== undefined) return;
    const now = performance.now();
    if (this.pulling && now - this.heardAt > SILENCE_MS) this.giveUp();
    if (now - this.checkedAt >= this.wire.consumerCheckMs) this.mendSoon();
    this.pump();
  }
}
